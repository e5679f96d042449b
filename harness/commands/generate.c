#include "commands/generate.h"

#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "commands/hints.h"

enum {
    KINDS_MAX = 16,
    WINDOW = 4, /* keys of a kind that are in use at a time; what came before them stays as it is, to be judged */
    USES = 12,  /* of keys of a kind, until the window moves on by one */
    BIG = 5,    /* one key in so many is a big one */
    ELEMENTS = 600,
    WORDS_MAX = 4096,
    DEPTH_MAX = 8, /* of a description */
    OPTIONAL_PERCENT = 40,
    LATER_S = 10000,
};

struct words {
    sds items[WORDS_MAX];
    int count;
};

struct window {
    unsigned int next; /* key that is opened next */
    unsigned int uses;
};

struct generator {
    const struct la_commands *commands;
    const struct la_address *address;
    struct la_recording *recording;
    uint64_t random;
    uint64_t unique;
    uint64_t same; /* the last {unique} */
    uint64_t id;   /* of stream entries */
    long long now_s;
    struct window windows[KINDS_MAX]; /* by place in la_fills */
    sds self;                         /* the key that is being filled */
};

static void clear(struct words *words)
{
    for (int i = 0; i < words->count; i++)
        sdsfree(words->items[i]);
    words->count = 0;
}

static void put(struct words *words, sds word)
{
    if (words->count < WORDS_MAX)
        words->items[words->count++] = word;
    else
        sdsfree(word);
}

static uint64_t draw(struct generator *generator, uint64_t below)
{
    uint64_t drawn = la_random(&generator->random) >> 8;
    return below ? drawn % below : 0;
}

static sds key_of(struct generator *generator, const char *kind);

/* What a pair of braces stands for, at the end of `word`. */
static sds substitute(struct generator *generator, sds word, const char *name)
{
    long long from, to;
    const struct la_commands *commands = generator->commands;
    if (sscanf(name, "%lld..%lld", &from, &to) == 2)
        return sdscatprintf(word, "%lld", from + (long long)draw(generator, (uint64_t)(to - from + 1)));
    if (!strcmp(name, "unique"))
        return sdscatprintf(word, "%llu", (unsigned long long)(generator->same = ++generator->unique));
    if (!strcmp(name, "same"))
        return sdscatprintf(word, "%llu", (unsigned long long)generator->same);
    if (!strcmp(name, "self"))
        return sdscatsds(word, generator->self);
    if (!strcmp(name, "next"))
        return sdscatprintf(word, "1-%llu", (unsigned long long)++generator->id);
    if (!strcmp(name, "id"))
        return sdscatprintf(word, "1-%llu", (unsigned long long)generator->id);
    long long later = LATER_S + 10 * (long long)++generator->unique; /* no two are near each other */
    if (!strncmp(name, "later", 5))
        return sdscatprintf(word, "%lld%s", later, name[5] ? "000" : "");
    if (!strncmp(name, "at", 2))
        return sdscatprintf(word, "%lld%s", generator->now_s + later, name[2] ? "000" : "");
    const redisReply *payload = !strcmp(name, "dump")        ? commands->dumps[draw(generator, LA_DUMPS)]
                                : !strcmp(name, "functions") ? commands->functions
                                                             : NULL;
    if (payload && payload->type == REDIS_REPLY_STRING)
        return sdscatlen(word, payload->str, (size_t)payload->len);
    sds key = key_of(generator, name);
    word = sdscatsds(word, key);
    sdsfree(key);
    return word;
}

/* One word from a template. */
static sds expand(struct generator *generator, const char *template, size_t length)
{
    char name[32];
    sds word = sdsempty();
    for (size_t i = 0; i < length; i++) {
        size_t end = i + 1;
        while (end < length && template[end] != '}')
            end++;
        if (template[i] != '{' || end == length || end - i > sizeof name) {
            word = sdscatlen(word, template + i, 1);
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)(end - i - 1), template + i + 1);
        word = substitute(generator, word, name);
        i = end;
    }
    return word;
}

/* One of its alternatives. */
static sds expand_one(struct generator *generator, const char *template)
{
    unsigned int count = 1;
    for (const char *bar = template; (bar = strchr(bar, '|')); bar++)
        count++;
    for (uint64_t skip = draw(generator, count); skip; skip--)
        template = strchr(template, '|') + 1;
    return expand(generator, template, strcspn(template, "|"));
}

/* A line of a recipe, or of a fill, whose REPEAT stands for so many elements. */
static void expand_line(struct generator *generator, const char *line, size_t length, const char *element,
                        struct words *words)
{
    int count = 0;
    sds text = sdsnewlen(line, length);
    sds *parts = sdssplitargs(text, &count);
    for (int i = 0; i < count; i++) {
        bool repeat = element && !strcmp(parts[i], "REPEAT");
        for (int n = 0; repeat && n < ELEMENTS; n++) {
            const char *blank = strchr(element, ' ');
            put(words, expand(generator, element, strcspn(element, " ")));
            for (; blank; blank = strchr(blank + 1, ' '))
                put(words, expand(generator, blank + 1, strcspn(blank + 1, " ")));
        }
        if (!repeat)
            put(words, expand(generator, parts[i], sdslen(parts[i])));
    }
    sdsfreesplitres(parts, count);
    sdsfree(text);
}

static void add_lines(struct generator *generator, const char *lines, const char *element, unsigned int database,
                      bool at_once)
{
    struct words words = {.count = 0};
    struct la_recorded whole = {.database = database};
    for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        expand_line(generator, line, strcspn(line, "\n"), element, &words); /* may add keys: before the item itself */
        struct la_recorded own = {.database = database};
        la_recording_put(at_once ? &whole : &own, words.count, words.items);
        clear(&words);
        if (!at_once)
            *la_recording_add(generator->recording, database) = own;
    }
    if (at_once)
        *la_recording_add(generator->recording, database) = whole;
}

/* ---- Keys ---- */

static size_t fill_of(struct generator *generator, const char *kind)
{
    size_t count = 0;
    for (; la_fills[count].kind; count++)
        if (!strcmp(la_fills[count].kind, kind))
            return count;
    return draw(generator, count);
}

static void open_key(struct generator *generator, size_t kind)
{
    const struct la_fill *fill = &la_fills[kind];
    unsigned int number = generator->windows[kind].next++;
    sds outer = generator->self;
    generator->self = sdscatprintf(sdsempty(), "w:%s:%u", fill->kind, number);
    add_lines(generator, number % BIG == BIG - 1 ? fill->big : fill->small, fill->element, 0, false);
    sdsfree(generator->self);
    generator->self = outer;
}

static sds key_of(struct generator *generator, const char *name)
{
    size_t kind = fill_of(generator, name);
    struct window *window = &generator->windows[kind];
    if (window->uses++ % USES == 0 || window->next < WINDOW)
        open_key(generator, kind);
    unsigned int back = (unsigned int)draw(generator, window->next < WINDOW ? window->next : WINDOW);
    return sdscatprintf(sdsempty(), "w:%s:%u", la_fills[kind].kind, window->next - 1 - back);
}

/* ---- Calls from a description ---- */

struct call {
    struct generator *generator;
    const struct la_command *command;
    const char *kind; /* of its keys */
    struct words *words;
    int budget;        /* arguments that it may still have: a description may be nested without end */
    int numkeys;       /* where the number of keys stands, 0: nowhere */
    unsigned int keys; /* so many were put there */
};

static bool has_flag(const json_t *argument, const char *name)
{
    const json_t *flags = la_described(argument, "flags");
    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *flag = la_described_text(json_array_get(flags, i));
        if (flag && !strcmp(flag, name))
            return true;
    }
    return false;
}

static void put_text(struct call *call, const char *template)
{
    put(call->words, expand_one(call->generator, template));
}

static void put_argument(struct call *call, const json_t *argument, bool chosen, int depth);

static void put_block(struct call *call, const json_t *arguments, int depth)
{
    for (size_t i = 0; i < json_array_size(arguments); i++)
        put_argument(call, json_array_get(arguments, i), false, depth);
}

static void put_one_of(struct call *call, const json_t *arguments, int depth)
{
    size_t count = json_array_size(arguments);
    if (count)
        put_argument(call, json_array_get(arguments, draw(call->generator, count)), true, depth);
}

static void put_key(struct call *call, const char *hint)
{
    put(call->words, hint ? expand_one(call->generator, hint) : key_of(call->generator, call->kind));
    call->keys++;
    if (!call->numkeys)
        return;
    sdsfree(call->words->items[call->numkeys]);
    call->words->items[call->numkeys] = sdsfromlonglong(call->keys);
}

/* A value, without its token. */
static void put_value(struct call *call, const json_t *argument, int depth)
{
    const char *type = la_described_text(la_described(argument, "type"));
    const char *name = la_described_text(la_described(argument, "name"));
    const char *hint = name ? la_hint_argument(call->command->name, name) : NULL;
    if (!type || !strcmp(type, "pure-token"))
        return;
    if (!strcmp(type, "block"))
        put_block(call, la_described(argument, "arguments"), depth);
    else if (!strcmp(type, "oneof"))
        put_one_of(call, la_described(argument, "arguments"), depth);
    else if (!strcmp(type, "key"))
        put_key(call, hint && strchr(hint, ':') ? hint : NULL);
    else if (name && !strcmp(name, "numkeys")) {
        call->numkeys = call->words->count;
        call->keys = 0; /* a destination is not among them */
        put_text(call, "0");
    } else if (hint)
        put_text(call, hint);
    else if (!strcmp(type, "integer"))
        put_text(call, "{0..5}");
    else if (!strcmp(type, "double"))
        put_text(call, "{0..50}.{0..9}");
    else if (!strcmp(type, "unix-time"))
        put_text(call, "{at}");
    else
        put_text(call, "x{0..9}");
}

static void put_argument(struct call *call, const json_t *argument, bool chosen, int depth)
{
    const char *token = la_described_text(la_described(argument, "token"));
    bool omitted = token && la_hint_omits(call->command->name, token);
    bool skipped = !chosen && has_flag(argument, "optional") && draw(call->generator, 100) >= OPTIONAL_PERCENT;
    if (omitted || skipped || depth > DEPTH_MAX || !call->budget)
        return;
    call->budget--;
    bool weights = token && !strcmp(token, "WEIGHTS"); /* one for each key */
    unsigned int times = weights ? call->keys : has_flag(argument, "multiple") ? 1 + draw(call->generator, 2) : 1;
    for (unsigned int i = 0; i < times; i++) {
        if (token && (i == 0 || has_flag(argument, "multiple_token")))
            put(call->words, sdsnew(token));
        put_value(call, argument, depth + 1);
    }
}

static void put_name(struct words *words, const char *name)
{
    const char *bar = strchr(name, '|');
    put(words, sdsnewlen(name, bar ? (size_t)(bar - name) : strlen(name)));
    if (bar)
        put(words, sdsnew(bar + 1));
    for (int i = 0; i < words->count; i++)
        for (char *at = words->items[i]; *at; at++)
            *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
}

static void add_described(struct generator *generator, const struct la_command *command)
{
    struct words words = {.count = 0};
    struct call call = {generator, command, la_hint_kind(command->name, command->group), &words, WORDS_MAX, 0, 0};
    put_name(&words, command->name);
    put_block(&call, command->arguments, 0);
    struct la_recorded item = {0};
    la_recording_put(&item, words.count, words.items);
    clear(&words);
    *la_recording_add(generator->recording, 0) = item;
}

/* ---- All of them ---- */

static bool is_renamed(const struct generator *generator, const char *name)
{
    char container[64];
    snprintf(container, sizeof container, "%.*s", (int)strcspn(name, "|"), name);
    const char *sent = la_address_command(generator->address, container);
    return !sent || strcasecmp(sent, container) != 0;
}

static void add_call(struct generator *generator, const struct la_command *command)
{
    const struct la_recipe *own[KINDS_MAX];
    uint64_t count = 0;
    bool alone = false;
    if (is_renamed(generator, command->name))
        return;
    for (const struct la_recipe *recipe = la_recipes; recipe->command; recipe++) {
        bool fits = !strcasecmp(recipe->command, command->name);
        alone = alone || (fits && recipe->alone);
        if (fits && !recipe->first && count < KINDS_MAX)
            own[count++] = recipe;
    }
    bool described = !alone && command->arguments;
    if (count && (!described || draw(generator, 2))) {
        const struct la_recipe *recipe = own[draw(generator, count)];
        add_lines(generator, recipe->lines, NULL, recipe->database, recipe->at_once);
    } else if (described) {
        add_described(generator, command);
    }
}

static void add_first(struct generator *generator)
{
    for (const struct la_recipe *recipe = la_recipes; recipe->command; recipe++)
        if (recipe->first && la_commands_find(generator->commands, recipe->command) &&
            !is_renamed(generator, recipe->command))
            add_lines(generator, recipe->lines, NULL, recipe->database, recipe->at_once);
}

void la_commands_generate(const struct la_commands *commands, const struct la_address *address, size_t count,
                          uint64_t seed, struct la_recording *recording)
{
    struct generator generator = {.commands = commands,
                                  .address = address,
                                  .recording = recording,
                                  .random = seed,
                                  .now_s = (long long)time(NULL)};
    add_first(&generator);
    for (size_t before = 0; recording->count < count && recording->count != before;) {
        before = recording->count;
        for (size_t i = 0; i < commands->count; i++)
            add_call(&generator, &commands->items[i]);
    }
}
