#include "playbook/document.h"

#include <dirent.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { FILE_MAX = 4 << 20, FILES_MAX = 100 };

/* NULL: it has fewer lines. */
static char *cut_lines(const char *text, unsigned int first, unsigned int last)
{
    const char *from = text;
    for (unsigned int line = 1; line < first && from; line++) {
        from = strchr(from, '\n');
        from = from ? from + 1 : NULL;
    }
    const char *to = from;
    for (unsigned int line = first; line < last && to; line++) {
        to = strchr(to, '\n');
        to = to ? to + 1 : NULL;
    }
    return to && *to ? la_format("%.*s", (int)(to - from) + (int)strcspn(to, "\n"), from) : NULL;
}

/* The lines of one file, if they are those; NULL: they are not, and `got` says what they are (empty: not there). */
static char *of_file(const char *path, unsigned int first, unsigned int last, const char *sha256,
                     char got[SHA256_DIGEST_STRING_LENGTH])
{
    struct la_error ignored;
    size_t length;
    char *text = la_read_file(path, FILE_MAX, &length, &ignored);
    char *lines = text && strlen(text) == length ? cut_lines(text, first, last) : NULL;
    free(text);
    *got = '\0';
    if (!lines)
        return NULL;
    SHA256Data((const uint8_t *)lines, strlen(lines), got);
    if (!strcasecmp(got, sha256))
        return lines;
    free(lines);
    return NULL;
}

char *la_document_lines(const char *path, unsigned int first, unsigned int last, const char *sha256,
                        struct la_error *error)
{
    char got[SHA256_DIGEST_STRING_LENGTH] = "";
    struct stat st;
    struct dirent **entries = NULL;
    if (stat(path, &st)) {
        la_fail(error, "%s: %m", path);
        return NULL;
    }
    int count = S_ISDIR(st.st_mode) ? scandir(path, &entries, la_is_visible, alphasort) : 0;
    char *lines = S_ISDIR(st.st_mode) ? NULL : of_file(path, first, last, sha256, got);
    for (int i = 0; i < count; i++) {
        char file[LA_PATH_MAX];
        la_path(file, "%s/%s", path, entries[i]->d_name);
        if (!lines && i < FILES_MAX && la_is_file(file))
            lines = of_file(file, first, last, sha256, got);
        free(entries[i]);
    }
    free(entries);
    if (!lines && *got && !S_ISDIR(st.st_mode))
        la_fail(error, "stale: lines %u-%u of %s are another text (sha256 %s)", first, last, path, got);
    else if (!lines)
        la_fail(error, "stale: nothing in %s has that text in lines %u-%u", path, first, last);
    return lines;
}
