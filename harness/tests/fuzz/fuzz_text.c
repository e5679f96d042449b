/*
 * The texts that a bundle or a user hands in: a scenario, a configuration, recorded traffic, a result. Each is read, or
 * refused with one line; never a crash.
 */
#include <fcntl.h>
#include <hiredis/sds.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge/expectations.h"
#include "nodes/config.h"
#include "redis/recording.h"
#include "report/repeat.h"
#include "report/table.h"
#include "scenario/read.h"
#include "scenario/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/dev/shm/fuzz-text-XXXXXX";

static void read_scenario(void)
{
    struct la_error error = {""};
    struct la_scenario *scenario = la_scenario_read(path, &la_kinds, &error);
    if (!scenario && !*error.text)
        abort();
    la_scenario_free(scenario);
}

static void read_config(void)
{
    struct la_error error = {""};
    struct la_config config = {0};
    struct la_strings secrets = {0};
    if (la_config_read(&config, path, &error) == 0) {
        la_config_secrets(&config, &secrets);
        la_config_find_login(&config);
    }
    la_strings_free(&secrets);
    la_config_free(&config);
}

static void read_recording(void)
{
    struct la_error error = {""};
    struct la_recording recording;
    if (la_recording_read(&recording, path, &error)) {
        if (!*error.text)
            abort();
        return;
    }
    redisContext client = {.obuf = sdsempty()};
    unsigned int database = 0;
    for (size_t i = 0; i < recording.count; i++)
        if (la_recording_send(&recording.items[i], &client, &database) < 1)
            abort();
    sdsfree(client.obuf);
    la_recording_free(&recording);
}

static void read_result(const uint8_t *data, size_t size)
{
    json_t *result = json_loadb((const char *)data, size, 0, NULL);
    if (!result)
        return;
    la_table_row(result);
    json_decref(la_repeat_merge(json_pack("[O, O]", result, result)));
    json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = mkstemp(path);
        if (!freopen("/dev/null", "w", stdout))
            abort();
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    read_scenario();
    read_config();
    read_recording();
    read_result(data, size);
    return 0;
}
