#include "playbook/secrets.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATED "[[:space:]=\"']+"
#define WORD      "([^[:space:]\"'|;&]+)"
#define CLIENT    "(redis-cli[^|;&\r\n]*|[0-9]> *)" /* typed behind it, or at its own prompt */

/* The last groups are what is secret. */
static const struct pattern {
    const char *text;
    size_t first;
    size_t last;
} patterns[] = {
    {"redis-cli[^|;&\r\n]*[[:space:]]-a" SEPARATED WORD, 1, 1},
    {"(--pass|requirepass|masterauth|REDISCLI_AUTH)" SEPARATED WORD, 2, 2},
    {CLIENT "\\<auth" SEPARATED WORD "([ \t]+" WORD ")?", 2, 4},
    {CLIENT "setuser[[:space:]][^|;&\r\n]*[><]" WORD, 2, 2},
};

static void add_found(const char *text, const regmatch_t *at, struct la_strings *secrets)
{
    if (at->rm_so >= 0 && text[at->rm_so] != ' ' && text[at->rm_so] != '\t')
        la_strings_add(secrets, la_format("%.*s", (int)(at->rm_eo - at->rm_so), text + at->rm_so));
}

static void find(const struct pattern *pattern, const char *text, size_t length, struct la_strings *secrets)
{
    regex_t regex;
    regmatch_t found[5];
    if (regcomp(&regex, pattern->text, REG_EXTENDED | REG_ICASE | REG_NEWLINE))
        return;
    for (size_t from = 0; from < length;) {
        found[0] = (regmatch_t){.rm_so = (regoff_t)from, .rm_eo = (regoff_t)length};
        if (regexec(&regex, text, sizeof found / sizeof *found, found, REG_STARTEND))
            break;
        for (size_t i = pattern->first; i <= pattern->last; i++)
            add_found(text, &found[i], secrets);
        from = (size_t)found[0].rm_eo;
    }
    regfree(&regex);
}

void la_secrets_typed(const char *text, size_t length, struct la_strings *secrets)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        find(&patterns[i], text, length, secrets);
}

void la_secrets_hide(char *text, size_t length, const struct la_strings *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        const char *secret = secrets->items[i];
        size_t size = strlen(secret);
        char *at = text;
        while (size && (at = memmem(at, length - (size_t)(at - text), secret, size))) {
            memset(at, '*', size);
            at += size;
        }
    }
}
