#include "verify/kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, KEPT_MAX = 256 << 20 };

static const char magic[8] = {'L', 'A', 'S', 'T', 'K', 'E', 'P', 'T'};

struct head {
    char magic[8];
    uint32_t version;
    uint32_t timeless;
    uint64_t lenient_ns;
};

static int open_file(struct la_kept *kept, const char *path, const char *mode, struct la_error *error)
{
    *kept = (struct la_kept){.bytes = 0};
    la_path(kept->path, "%s", path);
    kept->file = fopen(path, mode);
    return kept->file ? 0 : la_fail(error, "%s: %s", path, strerror(errno));
}

int la_kept_create(struct la_kept *kept, const char *path, bool timeless, uint64_t lenient_ns, struct la_error *error)
{
    struct head head = {.version = VERSION, .timeless = timeless, .lenient_ns = lenient_ns};
    memcpy(head.magic, magic, sizeof magic);
    if (open_file(kept, path, "we", error))
        return -1;
    fwrite(&head, sizeof head, 1, kept->file);
    return 0;
}

/* As the server has sent it. */
static void write_reply(FILE *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_STRING:
        fprintf(out, "$%zu\r\n", (size_t)reply->len);
        fwrite(reply->str, 1, (size_t)reply->len, out);
        fputs("\r\n", out);
        break;
    case REDIS_REPLY_ARRAY:
        fprintf(out, "*%zu\r\n", reply->elements);
        for (size_t i = 0; i < reply->elements; i++)
            write_reply(out, reply->element[i]);
        break;
    case REDIS_REPLY_INTEGER: fprintf(out, ":%lld\r\n", reply->integer); break;
    case REDIS_REPLY_STATUS: fprintf(out, "+%s\r\n", reply->str); break;
    case REDIS_REPLY_ERROR: fprintf(out, "-%s\r\n", reply->str); break;
    default: fputs("$-1\r\n", out); break; /* nil */
    }
}

void la_kept_add(struct la_kept *kept, const struct la_kept_key *key, redisReply *const *replies, int count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = kept->file ? open_memstream(&text, &length) : NULL;
    if (!out)
        return;
    for (int i = 0; i < count; i++)
        write_reply(out, replies[i]);
    fclose(out);
    uint64_t bytes = length;
    kept->bytes += sizeof *key + sizeof bytes + bytes;
    if (kept->bytes <= KEPT_MAX) {
        fwrite(key, sizeof *key, 1, kept->file);
        fwrite(&bytes, sizeof bytes, 1, kept->file);
        fwrite(text, 1, length, kept->file);
    } else { /* a part of it could not be judged */
        fclose(kept->file);
        kept->file = NULL;
        unlink(kept->path);
    }
    free(text);
}

int la_kept_open(struct la_kept *kept, const char *path, bool *timeless, uint64_t *lenient_ns, struct la_error *error)
{
    struct head head;
    if (open_file(kept, path, "re", error))
        return errno == ENOENT ? 1 : -1;
    if (fread(&head, sizeof head, 1, kept->file) == 1 && !memcmp(head.magic, magic, sizeof magic) &&
        head.version == VERSION) {
        *timeless = head.timeless;
        *lenient_ns = head.lenient_ns;
        return 0;
    }
    fclose(kept->file);
    kept->file = NULL;
    return la_fail(error, "%s: not a file of replies of version %d, or a damaged one", path, VERSION);
}

bool la_kept_next(struct la_kept *kept, struct la_kept_key *key)
{
    return fread(key, sizeof *key, 1, kept->file) == 1;
}

static int parse(redisReader *reader, redisReply *replies[LA_READS_MAX], int count)
{
    for (int i = 0; i < count; i++)
        if (redisReaderGetReply(reader, (void **)&replies[i]) != REDIS_OK || !replies[i])
            return -1;
    return 0;
}

int la_kept_replies(struct la_kept *kept, redisReply *replies[LA_READS_MAX], int count)
{
    uint64_t bytes;
    if (fread(&bytes, sizeof bytes, 1, kept->file) != 1 || bytes > KEPT_MAX)
        return -1;
    char *text = la_alloc(bytes + 1, 1);
    redisReader *reader = redisReaderCreate();
    int result = -1;
    memset(replies, 0, LA_READS_MAX * sizeof *replies);
    if (fread(text, 1, bytes, kept->file) == bytes && redisReaderFeed(reader, text, bytes) == REDIS_OK)
        result = parse(reader, replies, count);
    for (int i = 0; result && i < count; i++)
        if (replies[i])
            freeReplyObject(replies[i]);
    redisReaderFree(reader);
    free(text);
    return result;
}

int la_kept_close(struct la_kept *kept, struct la_error *error)
{
    if (!kept->file)
        return 0;
    bool failed = ferror(kept->file);
    failed = fclose(kept->file) || failed;
    kept->file = NULL;
    return failed ? la_fail(error, "%s: not everything could be written", kept->path) : 0;
}
