/*
 * Ledger and reads as anybody may have damaged them: a good bundle is made once, and the input is laid over its head,
 * its records and its reads. Whatever it is, printing it is an error message or a history, never a crash.
 *
 * Input: how many bytes (2) go over the head, over the records (2); these bytes; the rest is the file of reads.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "report/ledger_print.h"
#include "types/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS = 40 };

static char folder[] = "/dev/shm/fuzz-ledger-XXXXXX";
static char ledger_path[64];
static char reads_path[64];
static struct la_ledger_head good;
static struct la_op good_ops[OPS];

static void make_good(void)
{
    struct la_error error;
    struct la_ledger ledger;
    struct la_plan plan = {.clients = 2, .pipeline = 3, .value_size = 64};
    for (unsigned int i = 0; i < la_type_count; i++)
        plan.keys[i] = plan.shares[i] = 2;
    if (!mkdtemp(folder))
        abort();
    snprintf(ledger_path, sizeof ledger_path, "%s/ledger", folder);
    snprintf(reads_path, sizeof reads_path, "%s/reads", folder);
    if (la_ledger_create(&ledger, ledger_path, &plan, OPS, &error))
        abort();
    ledger.head->sessions = 2;
    for (uint32_t i = 0; i < OPS; i++) {
        struct la_op *op = &ledger.ops[i];
        *op = (struct la_op){.invoked_ns = i + 1, .done_ns = i + 3, .session = i % 2, .seq = i + 1};
        op->key = (uint16_t)i;
        op->type = (uint8_t)la_plan_type(&plan, i);
        op->outcome = i % 7 ? LA_OUTCOME_OK : LA_OUTCOME_ERROR;
        op->kind = 1;
    }
    ledger.head->count = OPS;
    good = *ledger.head;
    memcpy(good_ops, ledger.ops, sizeof good_ops);
    la_ledger_close(&ledger);
}

static void put(int fd, const void *bytes, size_t size, size_t at)
{
    if (pwrite(fd, bytes, size, (off_t)at) != (ssize_t)size)
        abort();
}

/* The table of sessions is left as it is: any number in it is a good one. */
static void lay_over(const uint8_t *data, size_t head_size, size_t ops_size)
{
    int fd = open(ledger_path, O_WRONLY);
    size_t before_sessions = offsetof(struct la_ledger_head, session);
    put(fd, &good, before_sessions, 0);
    put(fd, good_ops, sizeof good_ops, sizeof good);
    put(fd, data, head_size < before_sessions ? head_size : before_sessions, 0);
    put(fd, data + head_size, ops_size < sizeof good_ops ? ops_size : sizeof good_ops, sizeof good);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    uint16_t sizes[2];
    struct la_error error;
    if (!null) {
        null = fopen("/dev/null", "w");
        make_good();
    }
    if (size < sizeof sizes)
        return 0;
    memcpy(sizes, data, sizeof sizes);
    data += sizeof sizes;
    size -= sizeof sizes;
    size_t head_size = sizes[0] < size ? sizes[0] : size;
    size_t ops_size = sizes[1] < size - head_size ? sizes[1] : size - head_size;
    lay_over(data, head_size, ops_size);
    FILE *reads = fopen(reads_path, "w");
    fwrite(data + head_size + ops_size, 1, size - head_size - ops_size, reads);
    fclose(reads);
    la_ledger_print(folder, LA_LEDGER_TEXT, null, &error);
    la_ledger_print(folder, LA_LEDGER_JSONL, null, &error);
    la_ledger_print(folder, LA_LEDGER_EDN, null, &error);
    return 0;
}
