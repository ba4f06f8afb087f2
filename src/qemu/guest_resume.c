/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_resume.c: a guest that was paused during its migration runs again
 */
#include <glib/gi18n-lib.h>

#include "qemu/guest_resume.h"

/* To hold QEMU back, bytes/s.  0 would be no bound. */
#define HELD_BPS (64 * 1024)

/* QEMU decides about the switchover by what it has sent in the last tenth of a second.  After this
 * time it does so by what it sends while held back. */
#define SETTLE_US (G_USEC_PER_SEC / 4)

/* A bound that is left behind would hold the migration up: it is lifted in this many tries at most. */
#define LIFT_TRIES 3

#define MAX_BANDWIDTH "max-bandwidth"

static gboolean
refuse(const char *why,
       GError **error)
{
    g_set_error_literal(error, CONVERGE_ERROR, CONVERGE_ERROR_QEMU, why);
    return FALSE;
}

static gboolean
run(const convergeMonitor *monitor,
    const char *command,
    GError **error)
{
    g_autoptr(JsonNode) reply = convergeQmpRun(monitor, command, NULL, error);

    return reply != NULL;
}

/* @bps: bytes/s; 0: no bound */
static gboolean
setBandwidth(const convergeMonitor *monitor,
             gint64 bps,
             GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new();
    g_autoptr(JsonNode) reply = NULL;

    json_object_set_int_member(arguments, MAX_BANDWIDTH, bps);
    reply = convergeQmpRun(monitor, "migrate-set-parameters", arguments, error);
    return reply != NULL;
}

/* Bytes/s as in setBandwidth(), or -1 with @error set. */
static gint64
getBandwidth(const convergeMonitor *monitor,
             GError **error)
{
    g_autoptr(JsonObject) reply =
        convergeQmpRunObject(monitor, "query-migrate-parameters", NULL, error);
    gint64 bps = -1;

    if (!reply)
        return -1;
    bps = json_object_get_int_member_with_default(reply, MAX_BANDWIDTH, -1);
    if (bps < 0)
        refuse(_("QEMU did not say how much it may send"), error);
    return bps;
}

/* Whether the migration is in the middle of sending memory.
 *
 * @remaining: set to the bytes that are left to send */
static gboolean
isSending(const convergeMonitor *monitor,
          gint64 *remaining,
          GError **error)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-migrate", NULL, error);
    JsonNode *ram;

    *remaining = 0;
    if (!reply)
        return FALSE;
    if (g_strcmp0(json_object_get_string_member_with_default(reply, "status", NULL), "active") != 0)
        return refuse(_("the guest is being handed over already"), error);

    ram = json_object_get_member(reply, "ram");
    if (ram && JSON_NODE_HOLDS_OBJECT(ram))
        *remaining = json_object_get_int_member_with_default(json_node_get_object(ram), "remaining", 0);
    return TRUE;
}

/* @runState: as in QMP, "paused" for a guest that a command has paused */
static gboolean
isIn(const convergeMonitor *monitor,
     const char *runState,
     gboolean *result,
     GError **error)
{
    g_autoptr(JsonObject) reply = convergeQmpRunObject(monitor, "query-status", NULL, error);

    if (!reply)
        return FALSE;
    *result = g_strcmp0(json_object_get_string_member_with_default(reply, "status", NULL), runState) == 0;
    return TRUE;
}

static gboolean
resumeHeld(const convergeMonitor *monitor,
           GError **error)
{
    gboolean paused = FALSE;
    gint64 remaining;

    if (!isSending(monitor, &remaining, error) || !isIn(monitor, "paused", &paused, error))
        return FALSE;
    if (!paused)
        return refuse(_("the guest is not paused by a command"), error);
    if (remaining < CONVERGE_RESUME_LEAST)
        return refuse(_("almost all memory is sent already"), error);
    if (!run(monitor, "cont", error))
        return FALSE;

    /* QEMU has sent everything in spite of that: only the destination may run the guest. */
    if (!isSending(monitor, &remaining, error)) {
        run(monitor, "stop", NULL);
        return FALSE;
    }
    return TRUE;
}

gboolean
convergeGuestResume(const convergeMonitor *monitor,
                    GError **error)
{
    gboolean running = FALSE;
    gboolean done;
    gint64 bps;
    int tries;

    if (!isIn(monitor, "running", &running, error))
        return FALSE;
    if (running)
        return TRUE;
    if ((bps = getBandwidth(monitor, error)) < 0 || !setBandwidth(monitor, HELD_BPS, error))
        return FALSE;

    g_usleep(SETTLE_US);
    done = resumeHeld(monitor, error);
    for (tries = 1; tries < LIFT_TRIES; tries++) {
        if (setBandwidth(monitor, bps, NULL))
            return done;
    }
    return setBandwidth(monitor, bps, done ? error : NULL) && done;
}
