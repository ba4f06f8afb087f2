/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor.h: looks for what keeps virt-converge from working, for converge-doctor
 *
 * A check is a row of a table: its name, the hosts and the place that it is for, and a function
 * that looks at one host and tells what it has found.  Some things are told by libvirt, from
 * anywhere.  Others are files and processes, which are visible on the host itself only.
 *
 * Nothing is changed, on any host.
 *
 * Threads: that of the command.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef enum {
    VIRSH_DOCTOR_OK,
    VIRSH_DOCTOR_WARNING, /* works, but not all of it, or not as well */
    VIRSH_DOCTOR_ERROR,   /* does not work, or harms */
    VIRSH_DOCTOR_HIDDEN,  /* cannot be told from here */
    VIRSH_DOCTOR_LAST
} virshDoctorLevel;

/* The hosts that a check is for. */
typedef enum {
    VIRSH_DOCTOR_SOURCE = 1 << 0,
    VIRSH_DOCTOR_DESTINATION = 1 << 1,
    VIRSH_DOCTOR_BOTH = VIRSH_DOCTOR_SOURCE | VIRSH_DOCTOR_DESTINATION,
} virshDoctorSide;

typedef struct _virshDoctorHost virshDoctorHost;
struct _virshDoctorHost {
    virshDoctorSide side;
    const char *uri;
    virConnectPtr conn;            /* NULL: the host cannot be reached */
    const char *why;               /* ...for this reason */
    gboolean here;                 /* it is this machine */
    const char *root;              /* put before all paths of files; "" but in tests */
    gboolean measure;              /* the link is to be measured */
    const virshDoctorHost *source; /* of a destination, else NULL */
};

typedef struct _virshDoctorFinding virshDoctorFinding;
struct _virshDoctorFinding {
    virshDoctorLevel level;
    char *text;   /* a sentence; may contain what others have said, unescaped */
    char *advice; /* what to do, a sentence; NULL: nothing */
};

void virshDoctorFindingClear(virshDoctorFinding *finding);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virshDoctorFinding, virshDoctorFindingClear)

/* Sets @finding, which is empty.  @advice is a constant text, or NULL. */
void virshDoctorFind(virshDoctorFinding *finding, virshDoctorLevel level, const char *advice,
                     const char *format, ...) G_GNUC_PRINTF(4, 5);

typedef struct _virshDoctorCheck virshDoctorCheck;
struct _virshDoctorCheck {
    const char *name;
    virshDoctorSide sides;
    gboolean local;    /* looks at files and processes of the host */
    gboolean measures; /* only where the user asks for it */
    void (*look)(const virshDoctorHost *host, virshDoctorFinding *finding);
};

/* In the order in which they are shown.  Ends with a check without a name. */
extern const virshDoctorCheck virshDoctorChecks[];

/* What libvirt tells (doctor_host.c). */
void virshDoctorConnection(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorLibvirt(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorQemu(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorModule(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorCpu(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorDirtyRing(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorLink(const virshDoctorHost *host, virshDoctorFinding *finding);

/* What files and processes tell (doctor_local.c). */
void virshDoctorDaemon(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorPreload(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorDropIn(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorConfiguration(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorJournals(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorUndo(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorLeft(const virshDoctorHost *host, virshDoctorFinding *finding);
void virshDoctorClock(const virshDoctorHost *host, virshDoctorFinding *finding);

/* Runs all checks, on @destination, too, if that is not NULL.
 *
 * @json: the result is JSON, otherwise lines for people
 * @nErrors: set to the number of errors found
 *
 * Free with g_free(). */
char *virshDoctorRun(const virshDoctorHost *source, const virshDoctorHost *destination,
                     gboolean json, guint *nErrors);

/* The output of converge-doctor on the host of @conn.
 *
 * @words: what virshConvergeDoctorFormat() has made */
char *virshConvergeDoctor(virConnectPtr conn, const char *words, guint *nErrors);
