#include "verify/reads.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 1 };

struct head {
    char magic[8];
    uint32_t version;
    uint32_t spare;
};

static const struct head standard = {{'L', 'A', 'S', 'T', 'R', 'E', 'A', 'D'}, VERSION, 0};

static int open_file(struct la_reads *reads, const char *path, const char *mode, struct la_error *error)
{
    la_path(reads->path, "%s", path);
    reads->file = fopen(path, mode);
    return reads->file ? 0 : la_fail(error, "%s: %s", path, strerror(errno));
}

int la_reads_create(struct la_reads *reads, const char *path, struct la_error *error)
{
    if (open_file(reads, path, "we", error))
        return -1;
    fwrite(&standard, sizeof standard, 1, reads->file);
    return 0;
}

void la_reads_add(struct la_reads *reads, const struct la_history *history)
{
    struct la_read read = {history->session, history->key, 0, 0, history->asked_ns, history->answered_ns};
    for (uint32_t i = 0; i < history->count; i++)
        read.count += history->fates[i] == LA_FATE_KEPT;
    fwrite(&read, sizeof read, 1, reads->file);
    for (uint32_t i = 0; i < history->count; i++)
        if (history->fates[i] == LA_FATE_KEPT)
            fwrite(&history->ops[i]->seq, sizeof(uint32_t), 1, reads->file);
}

int la_reads_open(struct la_reads *reads, const char *path, struct la_error *error)
{
    struct head head;
    reads->file = NULL;
    if (open_file(reads, path, "re", error))
        return errno == ENOENT ? 1 : -1;
    if (fread(&head, sizeof head, 1, reads->file) == 1 && !memcmp(&head, &standard, sizeof head))
        return 0;
    fclose(reads->file);
    reads->file = NULL;
    return la_fail(error, "%s: not a file of reads of version %d, or a damaged one", path, VERSION);
}

bool la_reads_next(struct la_reads *reads, struct la_read *read)
{
    return fread(read, sizeof *read, 1, reads->file) == 1;
}

bool la_reads_seq(struct la_reads *reads, uint32_t *seq)
{
    return fread(seq, sizeof *seq, 1, reads->file) == 1;
}

int la_reads_close(struct la_reads *reads, struct la_error *error)
{
    bool failed = ferror(reads->file);
    failed = fclose(reads->file) || failed;
    reads->file = NULL;
    return failed ? la_fail(error, "%s: not everything could be written", reads->path) : 0;
}
