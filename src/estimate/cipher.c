/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cipher.c: how fast this machine encrypts a migration stream
 */
#include <string.h>

#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "estimate/cipher.h"

/* QEMU's default (tls-creds-x509, crypto/tlscreds.c). */
#define PRIORITY "NORMAL"

/* The longest TLS record (RFC 8446, 5.1); QEMU's writes fill such records. */
#define RECORD 16384

/* Long enough for a processor to reach its full clock rate. */
#define MEASURE_US (300 * 1000)

/* Records between two readings of the clock; a batch takes some 100 us. */
#define BATCH 16

/* The preferred cipher of TLS 1.3.  GnuTLS sorts the ciphers of a priority by preference, but
 * not all of them belong to TLS 1.3. */
static gnutls_cipher_algorithm_t
firstCipher(void)
{
    gnutls_priority_t priority;
    const unsigned int *list = NULL;
    gnutls_cipher_algorithm_t found = GNUTLS_CIPHER_NULL;
    int n, i;

    if (gnutls_priority_init(&priority, PRIORITY, NULL) < 0)
        return found;

    n = gnutls_priority_cipher_list(priority, &list);
    for (i = 0; i < n && found == GNUTLS_CIPHER_NULL; i++) {
        if (list[i] == GNUTLS_CIPHER_AES_256_GCM || list[i] == GNUTLS_CIPHER_AES_128_GCM ||
            list[i] == GNUTLS_CIPHER_CHACHA20_POLY1305)
            found = list[i];
    }
    gnutls_priority_deinit(priority);
    return found;
}

static int
encryptBatch(gnutls_aead_cipher_hd_t handle,
             gnutls_cipher_algorithm_t cipher,
             guint64 *record)
{
    static guint8 plain[RECORD], sealed[RECORD + 64];
    guint8 nonce[64] = { 0 };
    int i, result = 0;

    for (i = 0; i < BATCH && result == 0; i++) {
        size_t length = sizeof(sealed);

        ++*record;
        memcpy(nonce, record, sizeof(*record));
        result = gnutls_aead_cipher_encrypt(handle, nonce, gnutls_cipher_get_iv_size(cipher),
                                            NULL, 0, gnutls_cipher_get_tag_size(cipher),
                                            plain, sizeof(plain), sealed, &length);
    }
    return result;
}

double
convergeCipherSpeed(const char **name,
                    GError **error)
{
    gnutls_cipher_algorithm_t cipher = firstCipher();
    gnutls_aead_cipher_hd_t handle = NULL;
    guint8 bytes[64] = { 0 };
    gnutls_datum_t key = { bytes, (unsigned int)gnutls_cipher_get_key_size(cipher) };
    guint64 records = 0;
    gint64 startUs, endUs;
    int result;

    *name = gnutls_cipher_get_name(cipher);

    result = gnutls_aead_cipher_init(&handle, cipher, &key);
    if (result == 0)
        result = encryptBatch(handle, cipher, &records); /* warms the caches */

    records = 0;
    startUs = endUs = g_get_monotonic_time();
    while (result == 0 && endUs < startUs + MEASURE_US) {
        result = encryptBatch(handle, cipher, &records);
        endUs = g_get_monotonic_time();
    }
    if (handle)
        gnutls_aead_cipher_deinit(handle);

    if (result != 0) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_IO,
                    _("cannot measure the encryption speed of this machine: %1$s"),
                    gnutls_strerror(result));
        return 0;
    }
    return (double)records * RECORD * G_USEC_PER_SEC / (double)(endUs - startUs);
}
