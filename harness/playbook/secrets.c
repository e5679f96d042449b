#include "playbook/secrets.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096, KNOWN_MAX = 1000, GROUPS = 8 };

#define VALUE  "('[^']*'|\"[^\"]*\"|[^[:space:]'\"|;&]+)"
#define BLANKS "[[:space:]]+"
#define CLIENT "redis-cli[^|;&]*[[:space:]]"

/* Groups that are secret, as bits. */
static const struct pattern {
    const char *text;
    unsigned int secret;
} patterns[] = {
    {CLIENT "(-a|--pass)[[:space:]=]*" VALUE, 1U << 2},
    {CLIENT "-u" BLANKS "['\"]?[a-z]+://[^:@/[:space:]]*:([^@[:space:]]+)@", 1U << 1},
    {"REDISCLI_AUTH=" VALUE, 1U << 1},
    {"(^|[>'\"`(]|echo|" CLIENT ")[[:space:]]*['\"]?auth" BLANKS VALUE "(" BLANKS VALUE ")?", 1U << 2 | 1U << 4},
    {"(^[[:space:]]*|config" BLANKS "set" BLANKS ")(requirepass|masterauth)" BLANKS VALUE, 1U << 3},
};

/* Words behind a user's name that are his passwords. */
static const struct pattern users = {"(setuser|^[[:space:]]*user)" BLANKS, 0};

/* What CONFIG GET says; the value is in the line below. */
static const struct pattern named = {"^([0-9]+\\) )?\"?(requirepass|masterauth)\"?[[:space:]]*$", 0};

enum { PATTERNS = sizeof patterns / sizeof *patterns };

struct search {
    regex_t patterns[PATTERNS];
    regex_t users;
    regex_t named;
    char *flat;   /* the text without what moves a cursor or paints, and with lines of the terminal joined */
    size_t *from; /* where each byte of it stands in the text */
    size_t length;
    char *hidden; /* of each byte of it, whether it is secret */
    bool below;   /* the next line is a value */
    struct la_strings *known;
};

/* Readline and linenoise write a blank and a carriage return where a line of the terminal is full. */
static void flatten(struct search *search, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\033' && i + 1 < length && text[i + 1] == '[') {
            for (i += 2; i < length && strchr("0123456789;?", text[i]) && text[i]; i++)
                ;
            continue;
        }
        if (text[i] == ' ' && i + 1 < length && text[i + 1] == '\r' && !(i + 2 < length && text[i + 2] == '\n')) {
            i++;
            continue;
        }
        search->flat[search->length] = text[i] == '\r' || !text[i] ? '\n' : text[i];
        search->from[search->length++] = i;
    }
}

static void add(struct search *search, const char *value, size_t length)
{
    struct la_strings *known = search->known;
    bool quoted = length >= 2 && (*value == '\'' || *value == '"') && value[length - 1] == *value;
    if (quoted) {
        value++;
        length -= 2;
    }
    if (length < LA_SECRET_LEAST || *value == '$' || known->count >= KNOWN_MAX)
        return;
    for (size_t i = 0; i < known->count; i++)
        if (strlen(known->items[i]) == length && !memcmp(known->items[i], value, length))
            return;
    la_strings_add(known, la_format("%.*s", (int)length, value));
}

static void hide(struct search *search, size_t at, size_t length)
{
    memset(search->hidden + at, 1, length);
    add(search, search->flat + at, length);
}

static bool find(const regex_t *regex, const char *flat, size_t at, size_t end, regmatch_t found[GROUPS])
{
    found[0] = (regmatch_t){.rm_so = (regoff_t)at, .rm_eo = (regoff_t)end};
    return regexec(regex, flat, GROUPS, found, REG_STARTEND) == 0;
}

static void look_for_users(struct search *search, size_t at, size_t end)
{
    regmatch_t found[GROUPS];
    if (!find(&search->users, search->flat, at, end, found))
        return;
    for (size_t i = (size_t)found[0].rm_eo; i < end; i++) {
        size_t length = strcspn(search->flat + i, " \t\n'\"");
        length = i + length > end ? end - i : length;
        if (length > 1 && strchr("><", search->flat[i]))
            hide(search, i + 1, length - 1);
        i += length;
    }
}

static void look_below(struct search *search, size_t at, size_t end)
{
    size_t first = at;
    const char *bracket = memchr(search->flat + at, '"', end - at);
    if (bracket)
        first = (size_t)(bracket - search->flat);
    hide(search, first, end - first);
}

static void look_at_line(struct search *search, size_t at, size_t end)
{
    regmatch_t found[GROUPS];
    if (search->below && end > at)
        look_below(search, at, end);
    search->below = find(&search->named, search->flat, at, end, found) || (search->below && end == at);
    for (size_t p = 0; p < PATTERNS; p++) {
        for (size_t from = at; from < end && find(&search->patterns[p], search->flat, from, end, found);) {
            for (size_t g = 1; g < GROUPS; g++)
                if (patterns[p].secret & 1U << g && found[g].rm_so >= 0)
                    hide(search, (size_t)found[g].rm_so, (size_t)(found[g].rm_eo - found[g].rm_so));
            from = (size_t)found[0].rm_eo > from ? (size_t)found[0].rm_eo : from + 1;
        }
    }
    look_for_users(search, at, end);
}

/* Most lines hold nothing of the kind, and are not worth a search. */
static bool may_hold(const char *line, size_t length)
{
    static const char *const words[] = {"redis-cli", "auth", "pass", "user"};
    char copy[LINE_MAX_BYTES + 1];
    memcpy(copy, line, length);
    copy[length] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(copy, words[i]))
            return true;
    return false;
}

static void look(struct search *search)
{
    for (size_t at = 0; at < search->length;) {
        const char *end = memchr(search->flat + at, '\n', search->length - at);
        size_t length = end ? (size_t)(end - search->flat) - at : search->length - at;
        length = length > LINE_MAX_BYTES ? LINE_MAX_BYTES : length;
        if (search->below || may_hold(search->flat + at, length))
            look_at_line(search, at, at + length);
        at += length + (at + length < search->length && search->flat[at + length] == '\n');
    }
    for (size_t i = 0; i < search->known->count; i++) {
        const char *secret = search->known->items[i];
        size_t size = strlen(secret);
        char *at = search->flat;
        while (size && (at = memmem(at, search->length - (size_t)(at - search->flat), secret, size))) {
            memset(search->hidden + (at - search->flat), 1, size);
            at += size;
        }
    }
}

static bool compile(regex_t *regex, const struct pattern *pattern)
{
    return regcomp(regex, pattern->text, REG_EXTENDED | REG_ICASE | REG_NEWLINE) == 0;
}

void la_secrets_hide(char *text, size_t length, struct la_strings *known)
{
    struct search search = {.known = known};
    bool ready = compile(&search.users, &users) && compile(&search.named, &named);
    for (size_t p = 0; p < PATTERNS; p++)
        ready = compile(&search.patterns[p], &patterns[p]) && ready;
    search.flat = la_alloc(length + 1, 1);
    search.from = la_alloc(length + 1, sizeof *search.from);
    search.hidden = la_alloc(length + 1, 1);
    flatten(&search, text, length);
    if (ready)
        look(&search);
    for (size_t i = 0; i < search.length; i++)
        if (search.hidden[i] || !ready)
            text[search.from[i]] = '*';
    for (size_t p = 0; p < PATTERNS; p++)
        regfree(&search.patterns[p]);
    regfree(&search.users);
    regfree(&search.named);
    free(search.flat);
    free(search.from);
    free(search.hidden);
}
