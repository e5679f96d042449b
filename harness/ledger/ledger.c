#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/value.h"

#define MAGIC UINT64_C(0x524547444c4b4341)

enum { VERSION = 4, VERSION_WITHOUT_CUTS = 3 };

_Static_assert(sizeof(struct la_op) == 32, "a record has 32 bytes");

static size_t head_size(const struct la_ledger_head *head)
{
    bool without = head->magic == MAGIC && head->version == VERSION_WITHOUT_CUTS;
    return without ? offsetof(struct la_ledger_head, cut_ns) : sizeof *head;
}

/* `sharing` is MAP_SHARED to write the file, or MAP_PRIVATE to keep what is changed to oneself. */
static int map(struct la_ledger *ledger, int fd, uint64_t size, int sharing, const char *path, struct la_error *error)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED)
        return la_fail(error, "%s: %s", path, strerror(errno));
    *ledger = (struct la_ledger){.head = memory, .size = size};
    ledger->ops = (struct la_op *)((char *)memory + head_size(ledger->head));
    return 0;
}

int la_ledger_create(struct la_ledger *ledger, const char *path, const struct la_plan *plan, uint64_t capacity,
                     struct la_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return la_fail(error, "%s: %s", path, strerror(errno));
    uint64_t size = sizeof(struct la_ledger_head) + capacity * sizeof(struct la_op);
    /* Reserved now: a store into a sparse page of a full disk would be a SIGBUS later. */
    int failed = posix_fallocate(fd, 0, (off_t)size);
    if (failed) {
        close(fd);
        unlink(path);
        return la_fail(error, "%s: no room for a ledger of %llu MiB: %s", path, (unsigned long long)(size >> 20),
                       strerror(failed));
    }
    int result = map(ledger, fd, size, MAP_SHARED, path, error);
    close(fd);
    if (result)
        return -1;
    struct la_ledger_head *head = ledger->head;
    head->version = VERSION;
    head->record_size = sizeof(struct la_op);
    head->capacity = capacity;
    head->plan = *plan;
    head->magic = MAGIC;
    return 0;
}

static bool sound_plan(const struct la_plan *plan)
{
    bool big = !plan->big_size || (plan->big_every && plan->big_size >= LA_VALUE_MIN && plan->big_size <= LA_VALUE_MAX);
    return la_plan_keys(plan) > 0 && la_plan_keys(plan) <= UINT16_MAX && plan->value_size >= LA_VALUE_MIN &&
           plan->value_size <= LA_VALUE_MAX && big && plan->pipeline > 0;
}

static bool sound_head(const struct la_ledger_head *head, uint64_t size)
{
    bool known = head->version == VERSION || head->version == VERSION_WITHOUT_CUTS;
    return head->magic == MAGIC && known && size >= head_size(head) && head->record_size == sizeof(struct la_op) &&
           head->capacity <= (size - head_size(head)) / sizeof(struct la_op) && head->count <= head->capacity &&
           head->sessions <= LA_SESSIONS_MAX && sound_plan(&head->plan);
}

int la_ledger_map(struct la_ledger *ledger, const char *path, struct la_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        if (fd >= 0)
            close(fd);
        return la_fail(error, "%s: %s", path, strerror(errno));
    }
    if ((uint64_t)st.st_size < offsetof(struct la_ledger_head, cut_ns)) {
        close(fd);
        return la_fail(error, "%s: not a ledger: only %lld bytes", path, (long long)st.st_size);
    }
    int result = map(ledger, fd, (uint64_t)st.st_size, MAP_PRIVATE, path, error);
    close(fd);
    if (result)
        return -1;
    if (!sound_head(ledger->head, ledger->size)) {
        la_ledger_close(ledger);
        return la_fail(error, "%s: not a ledger of version %d, or a damaged one", path, VERSION);
    }
    for (int i = 0; i < LA_ERRORS_MAX; i++)
        ledger->head->errors[i].text[sizeof ledger->head->errors[i].text - 1] = '\0';
    return 0;
}

void la_ledger_close(struct la_ledger *ledger)
{
    if (ledger->head)
        munmap(ledger->head, ledger->size);
    *ledger = (struct la_ledger){0};
}

void la_ledger_trim(struct la_ledger *ledger, const char *path)
{
    uint64_t count = la_ledger_count(ledger);
    off_t size = (off_t)(sizeof *ledger->head + count * sizeof *ledger->ops);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    /* in this order: a file that is cut off half-way has the room that it says */
    if (fd >= 0 && pwrite(fd, &count, sizeof count, offsetof(struct la_ledger_head, capacity)) == sizeof count &&
        ftruncate(fd, size) == 0)
        ledger->head->capacity = count;
    if (fd >= 0)
        close(fd);
}

uint64_t la_ledger_answered(const struct la_ledger *ledger)
{
    return atomic_load(&ledger->head->acked) + atomic_load(&ledger->head->refused);
}

void la_ledger_passed(const struct la_ledger *ledger, uint64_t index)
{
    enum { STRIDE = 1 << 20, PAGE = 4096 }; /* 32 MiB */
    if (!index || index % STRIDE)
        return;
    if (index - STRIDE < ledger->changed_to && index > ledger->changed_from)
        return; /* the file has not what is there */
    uintptr_t from = (uintptr_t)&ledger->ops[index - STRIDE];
    uintptr_t to = (uintptr_t)&ledger->ops[index] & ~(uintptr_t)(PAGE - 1);
    from = (from + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    madvise((void *)from, to - from, MADV_DONTNEED);
}

uint64_t la_ledger_count(const struct la_ledger *ledger)
{
    uint64_t count = atomic_load(&ledger->head->count);
    while (count > 0 && !atomic_load(&ledger->ops[count - 1].kind))
        count--;
    return count;
}

bool la_ledger_sent_since(const struct la_ledger *ledger, uint64_t since_ns)
{
    for (uint64_t i = la_ledger_count(ledger); i-- > 0 && ledger->ops[i].invoked_ns > since_ns;)
        if (atomic_load(&ledger->ops[i].outcome) < LA_OUTCOME_ERROR)
            return true;
    return false;
}

/* The length of a script's hash that stands there, 40 hexadecimal digits; 0: none does. */
static size_t hash_at(const char *text)
{
    enum { HASH_LENGTH = 40 };
    return strspn(text, "0123456789abcdef") == HASH_LENGTH ? HASH_LENGTH : 0;
}

/* What stands in quotes (a key's name, say), and which script it was, would make one error many. */
static void without_names(char out[LA_ERROR_TEXT], const char *text)
{
    size_t at = 0;
    char quote = 0;
    for (; *text && at < LA_ERROR_TEXT - 1; text++) {
        size_t hash = hash_at(text);
        if (hash) {
            text += hash - 1;
            continue;
        }
        if (!quote || *text == quote)
            out[at++] = *text;
        if (quote && *text == quote)
            quote = 0;
        else if (!quote && (*text == '\'' || *text == '"') && strchr(text + 1, *text))
            quote = *text;
    }
    out[at] = '\0';
}

unsigned int la_ledger_error(struct la_ledger *ledger, const char *text)
{
    struct la_ledger_head *head = ledger->head;
    char plain[LA_ERROR_TEXT];
    without_names(plain, text);
    unsigned int i = 0;
    for (; i < LA_ERRORS_MAX - 1 && head->errors[i].text[0]; i++)
        if (!strcmp(head->errors[i].text, plain))
            return i;
    snprintf(head->errors[i].text, LA_ERROR_TEXT, "%s", i == LA_ERRORS_MAX - 1 ? "other errors" : plain);
    return i;
}

/* A record that is not to count as what it says. */
static void change(struct la_ledger *ledger, uint64_t index, uint8_t outcome)
{
    struct la_op *op = &ledger->ops[index];
    if (op->outcome == LA_OUTCOME_OK || op->outcome == LA_OUTCOME_WRONG)
        atomic_fetch_sub(&ledger->head->acked, 1);
    op->outcome = outcome;
    if (!ledger->changed_to || index < ledger->changed_from)
        ledger->changed_from = index;
    if (index >= ledger->changed_to)
        ledger->changed_to = index + 1;
}

void la_ledger_apply_cuts(struct la_ledger *ledger)
{
    uint64_t count = ledger->head->version == VERSION ? la_ledger_count(ledger) : 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t life = ledger->head->session[ledger->ops[i].session].life;
        uint64_t cut_ns = life < LA_LIVES_MAX ? ledger->head->cut_ns[life] : 0;
        if (!cut_ns || ledger->ops[i].done_ns <= cut_ns)
            continue;
        change(ledger, i, LA_OUTCOME_UNKNOWN);
        ledger->ops[i].done_ns = 0;
    }
}

static bool was_cut(const struct la_ledger_head *head)
{
    for (int life = 0; life < LA_LIVES_MAX; life++)
        if (head->cut_ns[life])
            return true;
    return false;
}

int la_ledger_settle(struct la_ledger *ledger, const char *path, struct la_error *error)
{
    struct la_ledger own = *ledger;
    if (!was_cut(ledger->head))
        return 0;
    if (la_ledger_map(&own, path, error))
        return -1;
    la_ledger_close(ledger);
    *ledger = own;
    la_ledger_apply_cuts(ledger);
    return 0;
}

/* Head and sessions; the room for those that there were not is left alone, it is large. */
static void copy_head(const struct la_ledger_head *from, struct la_ledger_head *to)
{
    memcpy(to, from, offsetof(struct la_ledger_head, session));
    memcpy(to->session, from->session, from->sessions * sizeof *from->session);
    to->acked = to->refused = 0;
    to->last_acked_ns = to->last_refused_ns = 0;
    to->life = 1;
    to->stop = to->ended = 1;
    to->full = 0;
}

static void copy_op(struct la_ledger_head *head, const struct la_op *from, uint64_t moment_ns, struct la_op *to)
{
    memcpy(to, from, sizeof *to);
    if (to->done_ns > moment_ns || !to->done_ns) {
        to->done_ns = 0;
        to->outcome = LA_OUTCOME_UNKNOWN;
        return;
    }
    if (to->outcome >= LA_OUTCOME_ERROR) {
        head->refused++;
        return;
    }
    head->acked += to->outcome == LA_OUTCOME_OK || to->outcome == LA_OUTCOME_WRONG;
    head->last_acked_ns = to->invoked_ns > head->last_acked_ns ? to->invoked_ns : head->last_acked_ns;
}

void la_ledger_at(const struct la_ledger *whole, uint64_t moment_ns, struct la_ledger *at)
{
    uint64_t count = 0;
    const uint64_t all = la_ledger_count(whole);
    while (count < all && whole->ops[count].invoked_ns <= moment_ns)
        count++;
    const uint64_t size = sizeof(struct la_ledger_head) + count * sizeof(struct la_op);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "lastack: out of memory\n");
        abort();
    }
    *at = (struct la_ledger){.head = memory, .size = size};
    at->ops = (struct la_op *)((char *)memory + sizeof(struct la_ledger_head));
    copy_head(whole->head, at->head);
    at->head->count = at->head->capacity = count;
    for (uint64_t i = 0; i < count; i++)
        copy_op(at->head, &whole->ops[i], moment_ns, &at->ops[i]);
}

int la_ledger_save(const struct la_ledger *ledger, const char *path, struct la_error *error)
{
    FILE *file = fopen(path, "wbxe");
    bool good = file && fwrite(ledger->head, ledger->size, 1, file) == 1;
    if (file && fclose(file))
        good = false;
    return good ? 0 : la_fail(error, "%s: %s", path, strerror(errno));
}

void la_ledger_forget_lives(struct la_ledger *ledger, uint32_t lives)
{
    uint64_t count = la_ledger_count(ledger);
    for (uint64_t i = 0; i < count; i++)
        if (ledger->head->session[ledger->ops[i].session].life >= lives)
            change(ledger, i, LA_OUTCOME_ERROR);
}
