#include "report/ledger_print.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "report/evidence.h"
#include "types/ledger_check.h"
#include "types/types.h"
#include "verify/reads.h"

/* edn: an operation whose end is still to be printed. */
struct flight {
    uint64_t done_ns;
    uint64_t index;
    uint64_t process;
};

struct flights {
    struct flight *items;
    size_t count;
    size_t room;
};

struct printer {
    const struct la_ledger *ledger;
    FILE *out;
    uint64_t count;
    struct la_reads *reads; /* NULL: nothing was read back */
    uint64_t events;        /* edn: printed so far */
    uint32_t *sent;         /* edn: operations of each session so far */
    struct flights waiting; /* edn: with a reply; a heap, the earliest first */
    struct flights unknown; /* edn: without */
};

int la_ledger_format(const char *name)
{
    static const char *const names[] = {"text", "jsonl", "edn"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

static const char *outcome_of(const struct la_op *op)
{
    switch (atomic_load(&op->outcome)) {
    case LA_OUTCOME_UNKNOWN: return "unknown";
    case LA_OUTCOME_OK: return "ok";
    case LA_OUTCOME_WRONG: return "wrong";
    default: return "refused";
    }
}

static const char *error_of(const struct printer *printer, const struct la_op *op)
{
    return op->outcome >= LA_OUTCOME_ERROR ? printer->ledger->head->errors[op->outcome - LA_OUTCOME_ERROR].text : NULL;
}

/* ---- text ---- */

static int print_text(struct printer *printer)
{
    const struct la_ledger_head *head = printer->ledger->head;
    fprintf(printer->out,
            "%llu operations of %u connections: %llu acknowledged, %llu refused\n\n%9s %11s %9s %7s %4s  %-14s "
            "%-7s %7s  %s\n",
            (unsigned long long)printer->count, head->sessions, (unsigned long long)head->acked,
            (unsigned long long)head->refused, "index", "at ms", "took us", "session", "life", "key", "op", "seq",
            "outcome");
    uint64_t begin = printer->count ? printer->ledger->ops[0].invoked_ns : 0;
    for (uint64_t i = 0; i < printer->count; i++) {
        const struct la_op *op = &printer->ledger->ops[i];
        la_ledger_passed(printer->ledger, i);
        char name[LA_KEY_NAME_MAX];
        char took[24] = "-";
        const char *error = error_of(printer, op);
        la_key_name(name, op->session, op->key);
        if (op->done_ns)
            snprintf(took, sizeof took, "%.1f", (double)(op->done_ns - op->invoked_ns) / 1e3);
        fprintf(printer->out, "%9llu %11.3f %9s %7u %4u  %-14s %-7s %7u  %s%s%s\n", (unsigned long long)i,
                (double)(op->invoked_ns - begin) / 1e6, took, op->session, head->session[op->session].life, name,
                la_op_kind(op)->name, op->seq, outcome_of(op), error ? ": " : "", error ? error : "");
    }
    return ferror(printer->out) ? -1 : 0;
}

/* The next key that was read back, one that the ledger knows; false at the end. */
static bool next_read(struct printer *printer, struct la_read *read)
{
    const struct la_ledger_head *head = printer->ledger->head;
    return printer->reads && la_reads_next(printer->reads, read) && read->session < head->sessions &&
           read->key < la_plan_keys(&head->plan);
}

/* ---- JSON lines ---- */

static int print_jsonl_reads(struct printer *printer)
{
    struct la_read read;
    while (next_read(printer, &read)) {
        char name[LA_KEY_NAME_MAX];
        uint32_t seq;
        json_t *seqs = json_array();
        la_key_name(name, read.session, read.key);
        for (uint32_t i = 0; i < read.count && la_reads_seq(printer->reads, &seq); i++)
            json_array_append_new(seqs, json_integer(seq));
        int type = la_plan_type(&printer->ledger->head->plan, read.key);
        json_t *line =
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "key", name, "type", la_types[type]->name, "op", "read",
                      "invoked_ns", (json_int_t)read.asked_ns, "done_ns", (json_int_t)read.answered_ns, "seqs", seqs);
        int failed = json_dumpf(line, printer->out, JSON_COMPACT) || fputc('\n', printer->out) == EOF;
        json_decref(line);
        if (failed)
            return -1;
    }
    return 0;
}

static int print_jsonl(struct printer *printer)
{
    for (uint64_t i = 0; i < printer->count; i++) {
        const struct la_op *op = &printer->ledger->ops[i];
        la_ledger_passed(printer->ledger, i);
        const struct la_session *session = &printer->ledger->head->session[op->session];
        char name[LA_KEY_NAME_MAX];
        la_key_name(name, op->session, op->key);
        json_t *line =
            json_pack("{s:I, s:i, s:i, s:i, s:s, s:s, s:s, s:i, s:I, s:s}", "index", (json_int_t)i, "session",
                      (int)op->session, "client", (int)session->client, "life", (int)session->life, "key", name, "type",
                      la_types[op->type]->name, "op", la_op_kind(op)->name, "seq", (int)op->seq, "invoked_ns",
                      (json_int_t)op->invoked_ns, "outcome", outcome_of(op));
        json_object_set_new(line, "done_ns", op->done_ns ? json_integer((json_int_t)op->done_ns) : json_null());
        if (op->field)
            json_object_set_new(line, "field", json_integer(op->field));
        if (op->result)
            json_object_set_new(line, "result", json_integer(op->result));
        if (error_of(printer, op))
            json_object_set_new(line, "error", json_string(error_of(printer, op)));
        int failed = json_dumpf(line, printer->out, JSON_COMPACT) || fputc('\n', printer->out) == EOF;
        json_decref(line);
        if (failed)
            return -1;
    }
    return print_jsonl_reads(printer);
}

/* ---- EDN ---- */

static void swap(struct flight *a, struct flight *b)
{
    struct flight kept = *a;
    *a = *b;
    *b = kept;
}

static void add(struct flights *flights, const struct flight *flight)
{
    if (flights->count == flights->room) {
        flights->room = flights->room ? 2 * flights->room : 64;
        flights->items = la_realloc(flights->items, flights->room, sizeof *flights->items);
    }
    flights->items[flights->count++] = *flight;
}

static void push(struct flights *heap, const struct flight *flight)
{
    add(heap, flight);
    for (size_t at = heap->count - 1; at; at = (at - 1) / 2) {
        if (heap->items[at].done_ns >= heap->items[(at - 1) / 2].done_ns)
            return;
        swap(&heap->items[at], &heap->items[(at - 1) / 2]);
    }
}

static struct flight pop(struct flights *heap)
{
    struct flight first = heap->items[0];
    heap->items[0] = heap->items[--heap->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++)
            if (heap->items[child].done_ns < heap->items[least].done_ns)
                least = child;
        if (least == at)
            return first;
        swap(&heap->items[at], &heap->items[least]);
        at = least;
    }
}

static void print_event(struct printer *printer, const struct flight *flight, const char *type, uint64_t time)
{
    const struct la_op *op = &printer->ledger->ops[flight->index];
    const char *error = error_of(printer, op);
    char name[LA_KEY_NAME_MAX];
    la_key_name(name, op->session, op->key);
    fprintf(printer->out, "{:index %llu, :time %llu, :process %llu, :type :%s, :f :%s, :value [\"%s\" %u]",
            (unsigned long long)printer->events++, (unsigned long long)time, (unsigned long long)flight->process, type,
            la_op_kind(op)->name, name, op->seq);
    if (error && strcmp(type, "invoke") != 0) {
        json_t *text = json_string(error); /* EDN escapes a string as JSON does */
        fputs(", :error ", printer->out);
        json_dumpf(text, printer->out, JSON_ENCODE_ANY);
        json_decref(text);
    }
    fputs("}\n", printer->out);
}

static void print_end(struct printer *printer)
{
    struct flight flight = pop(&printer->waiting);
    bool refused = printer->ledger->ops[flight.index].outcome >= LA_OUTCOME_ERROR;
    print_event(printer, &flight, refused ? "fail" : "ok", flight.done_ns);
}

/* Replies come in order: when its turn comes again, a place in the pipeline is free. What blocks has its own. */
static uint64_t process_of(struct printer *printer, const struct la_op *op, uint32_t pipeline)
{
    uint64_t places = pipeline + 1ULL;
    uint64_t first = op->session * places;
    return la_op_kind(op)->blocks ? first + pipeline : first + printer->sent[op->session]++ % pipeline;
}

static void print_operation(struct printer *printer, uint64_t index)
{
    const struct la_op *op = &printer->ledger->ops[index];
    uint32_t pipeline = printer->ledger->head->plan.pipeline;
    struct flight flight = {op->done_ns, index, 0};
    flight.process = process_of(printer, op, pipeline);
    while (printer->waiting.count && printer->waiting.items[0].done_ns <= op->invoked_ns)
        print_end(printer);
    print_event(printer, &flight, "invoke", op->invoked_ns);
    if (op->outcome == LA_OUTCOME_UNKNOWN)
        add(&printer->unknown, &flight);
    else
        push(&printer->waiting, &flight);
}

static void print_read(struct printer *printer, const struct la_read *read, uint64_t process, bool answered)
{
    char name[LA_KEY_NAME_MAX];
    uint32_t seq;
    la_key_name(name, read->session, read->key);
    fprintf(printer->out, "{:index %llu, :time %llu, :process %llu, :type :%s, :f :read, :value [\"%s\" ",
            (unsigned long long)printer->events++, (unsigned long long)(answered ? read->answered_ns : read->asked_ns),
            (unsigned long long)process, answered ? "ok" : "invoke", name);
    fputs(answered ? "[" : "nil", printer->out);
    for (uint32_t i = 0; i < read->count && la_reads_seq(printer->reads, &seq); i++)
        if (answered)
            fprintf(printer->out, i ? " %u" : "%u", seq);
    fputs(answered ? "]]}\n" : "]}\n", printer->out);
}

/* The answers that came before a time; where they stand in the file of reads is their index. */
static void print_answers(struct printer *printer, uint64_t before_ns)
{
    FILE *file = printer->reads->file;
    off_t here = ftello(file);
    struct la_read read;
    while (printer->waiting.count && printer->waiting.items[0].done_ns <= before_ns) {
        struct flight flight = pop(&printer->waiting);
        fseeko(file, (off_t)flight.index, SEEK_SET);
        if (next_read(printer, &read))
            print_read(printer, &read, flight.process, true);
    }
    fseeko(file, here, SEEK_SET);
}

/* Keys are read in batches, and one batch is asked for before the last is answered: each read is a process. */
static void print_edn_reads(struct printer *printer)
{
    struct la_read read;
    if (!printer->reads)
        return;
    uint64_t process = LA_SESSIONS_MAX * (printer->ledger->head->plan.pipeline + 1ULL); /* the load has no such */
    for (off_t at = ftello(printer->reads->file); next_read(printer, &read); at = ftello(printer->reads->file)) {
        off_t behind = ftello(printer->reads->file);
        print_answers(printer, read.asked_ns);
        fseeko(printer->reads->file, behind, SEEK_SET);
        print_read(printer, &read, process, false);
        push(&printer->waiting, &(struct flight){read.answered_ns, (uint64_t)at, process++});
    }
    print_answers(printer, UINT64_MAX);
}

static int print_edn(struct printer *printer)
{
    uint64_t last = 0;
    printer->sent = la_alloc(LA_SESSIONS_MAX, sizeof *printer->sent);
    for (uint64_t i = 0; i < printer->count; i++) {
        print_operation(printer, i);
        const struct la_op *op = &printer->ledger->ops[i];
        la_ledger_passed(printer->ledger, i);
        last = op->invoked_ns > last ? op->invoked_ns : last;
        last = op->done_ns > last ? op->done_ns : last;
    }
    while (printer->waiting.count)
        print_end(printer);
    for (size_t i = 0; i < printer->unknown.count; i++)
        print_event(printer, &printer->unknown.items[i], "info", last);
    print_edn_reads(printer);
    free(printer->sent);
    free(printer->waiting.items);
    free(printer->unknown.items);
    return ferror(printer->out) ? -1 : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* One bundle's row. -1: damaged, which is said in it. */
static int list_bundle(const char *report, const char *name, FILE *out)
{
    char path[LA_PATH_MAX];
    struct la_ledger ledger = {0};
    struct la_error error;
    enum la_seal seal;
    la_path(path, "%s/%s", report, name);
    int damaged = la_evidence_check(path, &seal, &error);
    la_path(path, "%s/%s/ledger", report, name);
    damaged = damaged || la_ledger_open(&ledger, path, &error) ? -1 : 0;
    if (damaged)
        fprintf(out, "%-40s %s\n", name, error.text);
    else
        fprintf(out, "%-40s %12llu %12llu\n", name, (unsigned long long)la_ledger_count(&ledger),
                (unsigned long long)ledger.head->acked);
    la_ledger_close(&ledger);
    return damaged;
}

/* A report's bundles: how much each holds. -1 with `error` filled: there is none, or one is damaged. */
static int list_report(const char *path, FILE *out, struct la_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, by_name);
    int found = 0;
    int damaged = 0;
    for (int i = 0; i < count; i++) {
        char file[LA_PATH_MAX];
        la_path(file, "%s/%s/ledger", path, entries[i]->d_name);
        bool there = entries[i]->d_name[0] != '.' && access(file, F_OK) == 0;
        if (there && !found++)
            fprintf(out, "%-40s %12s %12s\n", "ledger", "operations", "acknowledged");
        damaged += there && list_bundle(path, entries[i]->d_name, out);
        free(entries[i]);
    }
    free(entries);
    if (!found)
        return la_fail(error, "%s: no ledger, no bundle, and no report with bundles in it", path);
    return damaged ? la_fail(error, "%s: %d of %d bundles are damaged", path, damaged, found) : 0;
}

/* A bundle's evidence is whole, or it is said that nobody can know. */
static int check_bundle(const char *path, struct la_error *error)
{
    enum la_seal seal;
    if (la_evidence_check(path, &seal, error))
        return -1;
    if (seal == LA_SEAL_UNFINISHED)
        fprintf(stderr, "lastack: %s: the run is not finished\n", path);
    if (seal == LA_SEAL_OLD)
        fprintf(stderr, "lastack: %s: of a version without checksums: damage would go unseen\n", path);
    return 0;
}

static int print_ledger(const char *path, bool bundle, enum la_ledger_format format, FILE *out, struct la_error *error)
{
    static int (*const printers[])(struct printer *) = {print_text, print_jsonl, print_edn};
    char file[LA_PATH_MAX];
    struct la_ledger ledger = {0};
    la_path(file, bundle ? "%s/ledger" : "%s", path);
    if (la_ledger_open(&ledger, file, error))
        return -1;
    struct printer printer = {.ledger = &ledger, .out = out, .count = la_ledger_count(&ledger)};
    struct la_reads reads;
    la_path(file, "%s/reads", path);
    int absent = bundle ? la_reads_open(&reads, file, error) : 1;
    printer.reads = absent ? NULL : &reads;
    int result = absent < 0 ? -1 : printers[format](&printer);
    if (absent >= 0 && (fflush(out) || result))
        result = la_fail(error, "the history cannot be written: %s", strerror(errno));
    if (!absent)
        fclose(reads.file);
    la_ledger_close(&ledger);
    return result;
}

int la_ledger_print(const char *path, enum la_ledger_format format, FILE *out, struct la_error *error)
{
    char file[LA_PATH_MAX];
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    la_path(file, "%s/ledger", path);
    if (!*path)
        return la_fail(error, "the name is empty (a variable that is not set?)");
    if (folder && access(file, F_OK))
        return list_report(path, out, error);
    if (folder && check_bundle(path, error))
        return -1;
    return print_ledger(path, folder, format, out, error);
}
