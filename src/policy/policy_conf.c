/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy_conf.c: reads the host's configuration
 *
 * The syntax is that of GLib's key files, read here line by line: GKeyFile merges
 * duplicates, drops keys with a locale, and can name neither line.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy_conf.h"
#include "policy/policy_fields.h"

#define POLICY_CONF_MAX (64 * 1024)

/* Far longer than every right line that is no comment; bounds what messages repeat. */
#define POLICY_CONF_LINE_MAX 256

#define GROUP_DEFAULT "default"
#define GROUP_SITE "policy "

struct _convergePolicyConf {
    convergePolicySpec *host;
    GHashTable *sites;              /* char * -> convergePolicySpec * */
};

/* Where the reader is. */
typedef struct {
    convergePolicyConf *conf;
    gboolean hostSeen;
    convergePolicySpec *spec;       /* of the group, the conf's; NULL before the first */
    char *group;
} confReader;

void
convergePolicyConfFree(convergePolicyConf *conf)
{
    if (!conf)
        return;
    convergePolicySpecFree(conf->host);
    g_hash_table_unref(conf->sites);
    g_free(conf);
}

static gboolean
openSite(confReader *reader,
         const char *name,
         GError **error)
{
    g_autoptr(convergePolicySpec) probe = convergePolicySpecNew();

    /* A site's name stands where a preset's may. */
    if (!convergePolicySpecSetPreset(probe, name, error))
        return FALSE;

    if (convergePresetFind(name)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("'%1$s' is a built-in preset; allowed: a name of its own"), name);
        return FALSE;
    }
    if (g_hash_table_contains(reader->conf->sites, name)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("group '%1$s' is stated twice; allowed: once"), name);
        return FALSE;
    }

    reader->spec = convergePolicySpecNew();
    g_hash_table_insert(reader->conf->sites, g_strdup(name), reader->spec);
    return TRUE;
}

/* "[GROUP]" */
static gboolean
openGroup(confReader *reader,
          const char *line,
          GError **error)
{
    g_autofree char *quoted = NULL;
    gsize length = strlen(line);

    g_free(reader->group);
    reader->group = convergePolicyQuote(line);

    if (length > 2 && line[length - 1] == ']') {
        g_autofree char *name = g_strndup(line + 1, length - 2);

        if (g_str_has_prefix(name, GROUP_SITE))
            return openSite(reader, g_strchug(name + strlen(GROUP_SITE)), error);

        if (g_str_equal(name, GROUP_DEFAULT) && !reader->hostSeen) {
            reader->hostSeen = TRUE;
            reader->spec = reader->conf->host;
            return TRUE;
        }
    }

    quoted = g_steal_pointer(&reader->group);
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                _("unknown or second group '%1$s'; allowed: [%2$s], [%3$sNAME], each once"),
                quoted, GROUP_DEFAULT, GROUP_SITE);
    return FALSE;
}

/* "KEY = VALUE" */
static gboolean
setKey(confReader *reader,
       const char *line,
       GError **error)
{
    g_auto(GStrv) parts = g_strsplit(line, "=", 2);

    if (!reader->spec || g_strv_length(parts) != 2) {
        g_autofree char *quoted = convergePolicyQuote(line);

        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("'%1$s' is out of place; allowed: KEY = VALUE below [%2$s] or [%3$sNAME]"),
                    quoted, GROUP_DEFAULT, GROUP_SITE);
        return FALSE;
    }

    g_strchomp(parts[0]);
    g_strchug(parts[1]);
    if (g_str_equal(parts[0], "preset"))
        return convergePolicySpecSetPreset(reader->spec, parts[1], error);
    return convergePolicySpecSetField(reader->spec, parts[0], parts[1], error);
}

static gboolean
readLine(confReader *reader,
         char *line,
         GError **error)
{
    g_strstrip(line);
    if (*line == '\0' || *line == '#')
        return TRUE;

    if (strlen(line) > POLICY_CONF_LINE_MAX) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("the line is too long; allowed: %1$d characters"),
                    POLICY_CONF_LINE_MAX);
        return FALSE;
    }
    return *line == '[' ? openGroup(reader, line, error) : setKey(reader, line, error);
}

static gboolean
resolves(const convergePolicySpec *host,
         const convergePolicySpec *call,
         GHashTable *sites,
         GError **error)
{
    const convergePolicySpec *layers[CONVERGE_LAYER_LAST] = {
        [CONVERGE_LAYER_HOST] = host,
        [CONVERGE_LAYER_CALL] = call,
    };
    g_autoptr(convergePolicy) policy = convergePolicyResolve(layers, sites, error);

    return policy != NULL;
}

/* What a migration would find wrong later is refused now: unknown presets, and values
 * that contradict each other, within a group and between it and [default]. */
static gboolean
checkGroups(const convergePolicyConf *conf,
            const char *path,
            GError **error)
{
    GHashTableIter iter;
    gpointer name, site;

    if (!resolves(conf->host, NULL, conf->sites, error)) {
        g_prefix_error(error, "%s: [%s]: ", path, GROUP_DEFAULT);
        return FALSE;
    }

    g_hash_table_iter_init(&iter, conf->sites);
    while (g_hash_table_iter_next(&iter, &name, &site)) {
        g_autoptr(convergePolicySpec) call = convergePolicySpecNew();

        if (!resolves(site, NULL, NULL, error) ||
            !convergePolicySpecSetPreset(call, name, error) ||
            !resolves(conf->host, call, conf->sites, error)) {
            g_prefix_error(error, "%s: [%s%s]: ", path, GROUP_SITE, (const char *)name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
readLines(convergePolicyConf *conf,
          char **lines,
          const char *path,
          GError **error)
{
    confReader reader = { .conf = conf };
    gboolean ok = TRUE;
    guint i;

    for (i = 0; ok && lines[i]; i++) {
        ok = readLine(&reader, lines[i], error);
        if (!ok)
            g_prefix_error(error, "%s:%u: %s%s", path, i + 1,
                           reader.group ? reader.group : "", reader.group ? ": " : "");
    }

    g_free(reader.group);
    return ok;
}

static convergePolicyConf *
parse(const char *text,
      gsize length,
      const char *path,
      GError **error)
{
    g_autoptr(convergePolicyConf) conf = NULL;
    g_autofree char *copy = NULL;
    g_auto(GStrv) lines = NULL;

    if (length > POLICY_CONF_MAX) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("%1$s: the file is too long; allowed: %2$d bytes"),
                    path, POLICY_CONF_MAX);
        return NULL;
    }
    /* A NUL is not valid either. */
    if (!g_utf8_validate(text, length, NULL)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_POLICY,
                    _("%1$s: the file is not text; allowed: UTF-8"), path);
        return NULL;
    }

    conf = g_new0(convergePolicyConf, 1);
    conf->host = convergePolicySpecNew();
    conf->sites = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify)convergePolicySpecFree);

    copy = g_strndup(text, length);
    lines = g_strsplit(copy, "\n", -1);
    if (!readLines(conf, lines, path, error) ||
        !checkGroups(conf, path, error))
        return NULL;

    return g_steal_pointer(&conf);
}

convergePolicyConf *
convergePolicyConfParse(const char *text,
                        gsize length,
                        const char *path,
                        GError **error)
{
    GError *wrong = NULL;
    convergePolicyConf *conf = parse(text, length, path, &wrong);

    /* Fields and presets say that a policy is wrong; this one is the host's. */
    if (wrong) {
        wrong->code = CONVERGE_ERROR_HOST;
        g_propagate_error(error, wrong);
    }
    return conf;
}

/* --- The file --- */

static gboolean
unreadable(const char *path,
           GError **error)
{
    g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                _("cannot read '%1$s': %2$s"), path, g_strerror(errno));
    return FALSE;
}

/* Whether nobody but root and the user that runs this can have written the file. */
static gboolean
checkFile(int fd,
          const char *path,
          GError **error)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return unreadable(path, error);

    if (!S_ISREG(st.st_mode)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' is not a regular file; allowed: a regular file, or a symbolic link to one"),
                    path);
        return FALSE;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' belongs to the user with the ID %2$u; allowed owners: root, and the user with the ID %3$u"),
                    path, (unsigned int)st.st_uid, (unsigned int)geteuid());
        return FALSE;
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        g_set_error(error, CONVERGE_ERROR, CONVERGE_ERROR_HOST,
                    _("'%1$s' has the mode %2$04o; allowed: a mode that lets only its owner write to it"),
                    path, (unsigned int)st.st_mode & 07777);
        return FALSE;
    }
    return TRUE;
}

/* Up to @size bytes; FALSE with errno set. */
static gboolean
readAll(int fd,
        char *text,
        gsize size,
        gsize *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t got = read(fd, text + *length, size - *length);

        if (got <= 0)
            return got == 0;
        *length += got;
    }
    return TRUE;
}

convergePolicyConf *
convergePolicyConfLoad(const char *path,
                       GError **error)
{
    g_autofree char *text = g_malloc(POLICY_CONF_MAX + 1);
    struct stat link;
    gsize length;
    gboolean ok;
    int fd;

    /* What stands in its place may be anything: a FIFO would have us wait for a writer, a
     * terminal would become ours. */
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        /* A link that leads nowhere is a configuration that got lost. */
        if (errno == ENOENT && lstat(path, &link) < 0)
            return convergePolicyConfParse("", 0, path, error);
        unreadable(path, error);
        return NULL;
    }

    /* One more than allowed, for the parser to see that it is. */
    ok = checkFile(fd, path, error) &&
        (readAll(fd, text, POLICY_CONF_MAX + 1, &length) || unreadable(path, error));
    close(fd);
    return ok ? convergePolicyConfParse(text, length, path, error) : NULL;
}

const convergePolicySpec *
convergePolicyConfGetDefault(const convergePolicyConf *conf)
{
    return conf->host;
}

GHashTable *
convergePolicyConfGetSites(const convergePolicyConf *conf)
{
    return conf->sites;
}
