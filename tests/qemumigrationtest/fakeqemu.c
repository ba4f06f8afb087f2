/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakeqemu.c: a small QEMU behind fake libvirt calls
 */
#include <stdlib.h>
#include <string.h>

#include "fakeqemu.h"

const fakeQemu fakeQemuPristine = {
    .params = { 20, 10, 99, 50, TRUE, 300, 1000000000 },
    .status = "cancelled",
    .jobType = VIR_DOMAIN_JOB_UNBOUNDED,
    .id = 7,
    .runState = "running",
    .downtimeBytes = -1,
    .ring = TRUE,
    .measured = "measured",
    .rates = { 240, 1, 60 },
    .current = { 10, 1, 10 },
};
fakeQemu qemu;

/* Held while a command runs, and by who looks at a parameter meanwhile. */
static GMutex commandLock;

gint64
fakeQemuParam(convergeQemuParam param)
{
    gint64 value;

    g_mutex_lock(&commandLock);
    value = qemu.params[param];
    g_mutex_unlock(&commandLock);
    return value;
}

void
fakeQemuSetParam(convergeQemuParam param,
                 gint64 value)
{
    g_mutex_lock(&commandLock);
    qemu.params[param] = value;
    g_mutex_unlock(&commandLock);
}

gint64
fakeQemuLimits(void)
{
    gint64 sum = 0;
    gsize i;

    for (i = 0; i < FAKE_VCPUS; i++)
        sum += qemu.limits[i];
    return sum;
}

/* --- Commands; each returns its reply, or NULL for an error --- */

static char *
queryMigrate(JsonObject *arguments G_GNUC_UNUSED)
{
    g_autofree char *sent = qemu.downtimeBytes < 0 ?
        g_strdup("") :
        g_strdup_printf(",\"downtime-bytes\":%" G_GINT64_FORMAT, qemu.downtimeBytes);

    qemu.migrateQueries++;
    return g_strdup_printf("{\"status\":\"%s\",\"ram\":{\"remaining\":%" G_GINT64_FORMAT "%s}}", qemu.status,
                           qemu.remaining, sent);
}

static char *
queryStatus(JsonObject *arguments G_GNUC_UNUSED)
{
    return g_strdup_printf("{\"status\":\"%s\"}", qemu.runState);
}

static char *
queryParams(JsonObject *arguments G_GNUC_UNUSED)
{
    GString *text = g_string_new(NULL);
    gsize i;

    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        g_string_append_printf(text, "%c\"%s\":", i == 0 ? '{' : ',', convergeQemuParamName(i));
        if (convergeQemuParamIsBoolean(i))
            g_string_append(text, qemu.params[i] ? "true" : "false");
        else
            g_string_append_printf(text, "%" G_GINT64_FORMAT, qemu.params[i]);
    }
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

/* Like migrate_params_check(), all or nothing. */
static char *
setParams(JsonObject *arguments)
{
    gint64 merged[CONVERGE_PARAM_LAST];
    gsize i;

    qemu.paramSets++;
    if (qemu.bandwidthAtCont > 0 && qemu.refusedAtRuns > 0) {
        qemu.refusedAtRuns--;
        return NULL;
    }
    for (i = 0; i < CONVERGE_PARAM_LAST; i++) {
        const char *name = convergeQemuParamName(i);

        merged[i] = qemu.params[i];
        if (!json_object_has_member(arguments, name))
            continue;
        if (g_strcmp0(name, qemu.refused) == 0)
            return NULL;
        merged[i] = convergeQemuParamIsBoolean(i) ? json_object_get_boolean_member(arguments, name) :
                                                    json_object_get_int_member(arguments, name);
    }
    if (merged[CONVERGE_PARAM_INITIAL] < 1 || merged[CONVERGE_PARAM_INCREMENT] < 1 ||
        merged[CONVERGE_PARAM_INCREMENT] > 99 || merged[CONVERGE_PARAM_MAX] > 99 ||
        merged[CONVERGE_PARAM_MAX] < merged[CONVERGE_PARAM_INITIAL] ||
        merged[CONVERGE_PARAM_THRESHOLD] < 1 || merged[CONVERGE_PARAM_THRESHOLD] > 100)
        return NULL;
    memcpy(qemu.params, merged, sizeof(merged));
    return g_strdup("{}");
}

static char *
queryKVM(JsonObject *arguments G_GNUC_UNUSED)
{
    return g_strdup_printf("{\"enabled\":%s,\"present\":true}", qemu.noKVM ? "false" : "true");
}

static char *
queryCpus(JsonObject *arguments G_GNUC_UNUSED)
{
    return qemu.thread == 0 ? NULL :
                              g_strdup_printf("[{\"cpu-index\":0,\"thread-id\":%d}]", (int)qemu.thread);
}

static char *
startMeasurement(JsonObject *arguments)
{
    gboolean ring = arguments && json_object_has_member(arguments, "mode");

    g_assert_false(ring && qemu.noKVM);
    qemu.probes += !ring;
    return ring && !qemu.ring ? NULL : g_strdup("{}");
}

static char *
queryRates(JsonObject *arguments G_GNUC_UNUSED)
{
    GString *text = g_string_new(NULL);
    gsize i;

    g_string_printf(text, "{\"status\":\"%s\",\"dirty-rate\":301,\"vcpu-dirty-rate\":[", qemu.measured);
    for (i = 0; i < FAKE_VCPUS; i++)
        g_string_append_printf(text, "%s{\"id\":%d,\"dirty-rate\":%d}", i > 0 ? "," : "", (int)i,
                               (int)qemu.rates[i]);
    g_string_append(text, "]}");
    return g_string_free(text, FALSE);
}

static char *
queryLimits(JsonObject *arguments G_GNUC_UNUSED)
{
    GString *text = g_string_new("[");
    gsize i;

    qemu.limitQueries++;
    for (i = 0; i < FAKE_VCPUS; i++) {
        if (qemu.limits[i] > 0)
            g_string_append_printf(text, "%s{\"cpu-index\":%d,\"limit-rate\":%d,\"current-rate\":%d}",
                                   text->len > 1 ? "," : "", (int)i, (int)qemu.limits[i],
                                   (int)qemu.current[i]);
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

static char *
setLimit(JsonObject *arguments)
{
    gint64 vcpu = json_object_get_int_member(arguments, "cpu-index");

    if (!qemu.ring || (qemu.refusesLimit && vcpu == FAKE_VCPUS - 1))
        return NULL;
    g_assert_cmpint(vcpu, >=, 0);
    g_assert_cmpint(vcpu, <, FAKE_VCPUS);
    qemu.limitSets++;
    qemu.limits[vcpu] = json_object_get_int_member(arguments, "dirty-rate");
    g_assert_cmpint(qemu.limits[vcpu], >, 0);
    return g_strdup("{}");
}

static char *
cancelLimit(JsonObject *arguments)
{
    qemu.limitCancels++;
    if (arguments && json_object_has_member(arguments, "cpu-index"))
        qemu.limits[json_object_get_int_member(arguments, "cpu-index")] = 0;
    else
        memset(qemu.limits, 0, sizeof(qemu.limits));
    return g_strdup("{}");
}

static char *
letRun(JsonObject *arguments G_GNUC_UNUSED)
{
    qemu.runState = "running";
    qemu.bandwidthAtCont = qemu.params[CONVERGE_PARAM_BANDWIDTH];
    if (qemu.endsAtCont)
        qemu.status = qemu.endsAtCont;
    return g_strdup("{}");
}

static char *
stop(JsonObject *arguments G_GNUC_UNUSED)
{
    qemu.runState = "paused";
    return g_strdup("{}");
}

static const struct {
    const char *name;
    char *(*run)(JsonObject *arguments);
} commands[] = {
    { "query-migrate", queryMigrate },
    { "query-migrate-parameters", queryParams },
    { "migrate-set-parameters", setParams },
    { "query-cpus-fast", queryCpus },
    { "query-kvm", queryKVM },
    { "calc-dirty-rate", startMeasurement },
    { "query-dirty-rate", queryRates },
    { "query-vcpu-dirty-limit", queryLimits },
    { "set-vcpu-dirty-limit", setLimit },
    { "cancel-vcpu-dirty-limit", cancelLimit },
    { "query-status", queryStatus },
    { "cont", letRun },
    { "stop", stop },
};

/* --- libvirt --- */

/* What the command returns, or NULL for an error. */
static char *
runCommand(const char *name,
           JsonObject *arguments)
{
    char *returned = NULL;
    gsize i;

    for (i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name) && g_strcmp0(name, qemu.refused) != 0)
            returned = commands[i].run(arguments);
    }
    return returned;
}

static int
monitorCommand(virDomainPtr dom G_GNUC_UNUSED,
               const char *cmd,
               char **result,
               unsigned int flags G_GNUC_UNUSED)
{
    g_autoptr(JsonNode) node = json_from_string(cmd, NULL);
    JsonObject *command = json_node_get_object(node);
    JsonObject *arguments = json_object_has_member(command, "arguments") ?
        json_object_get_object_member(command, "arguments") :
        NULL;
    g_autofree char *returned = NULL;
    g_autofree char *reply = NULL;
    gboolean dies;

    g_mutex_lock(&commandLock);
    dies = ++qemu.commands == qemu.dies;
    if (!dies)
        returned = runCommand(json_object_get_string_member(command, "execute"), arguments);
    g_mutex_unlock(&commandLock);
    if (dies)
        return -1;
    reply = returned ? g_strdup_printf("{\"return\":%s,\"id\":\"x\"}", returned) :
                       g_strdup("{\"error\":{\"class\":\"GenericError\",\"desc\":\"it does not want to\"}}");
    *result = strdup(reply);
    return 0;
}

static int
getJobStats(virDomainPtr dom G_GNUC_UNUSED,
            int *type,
            virTypedParameterPtr *params,
            int *nparams,
            unsigned int flags G_GNUC_UNUSED)
{
    int max = 0;

    *type = qemu.jobType;
    virTypedParamsAddInt(params, nparams, &max, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_TOTAL, 1 << 30);
    virTypedParamsAddULLong(params, nparams, &max, VIR_DOMAIN_JOB_MEMORY_ITERATION, 1);
    return 0;
}

static int
getState(virDomainPtr dom G_GNUC_UNUSED,
         int *state,
         int *reason,
         unsigned int flags G_GNUC_UNUSED)
{
    *state = qemu.paused ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
    *reason = 0;
    return 0;
}

static int
getId(virDomainPtr dom G_GNUC_UNUSED)
{
    return qemu.id;
}

static int
setMaxDowntime(virDomainPtr dom G_GNUC_UNUSED,
               unsigned long long ms,
               unsigned int flags G_GNUC_UNUSED)
{
    fakeQemuSetParam(CONVERGE_PARAM_DOWNTIME, (gint64)ms);
    return 0;
}

#define CALLS \
    .getId = getId, .getJobStats = getJobStats, .getState = getState, \
    .qemuMonitorCommand = monitorCommand, .setMaxDowntime = setMaxDowntime

const convergeLibvirt fakeClient = { .caller = "client", CALLS };
const convergeLibvirt fakeDaemon = { .caller = "daemon", .onHost = TRUE, CALLS };
const convergeMonitor fakeMonitor = { &fakeClient, NULL };
