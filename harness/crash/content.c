#include "crash/content.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT_MAX = LA_PAGE };

static bool is_data(const struct la_change *change, uint32_t file)
{
    bool kind = change->op == FI_OP_WRITE || change->op == FI_OP_TRUNCATE || change->op == FI_OP_OPEN;
    return kind && change->file == file && !change->failed;
}

static void grow(struct la_content *content, uint64_t size)
{
    if (size <= content->base_size) {
        content->base_size = size;
        return;
    }
    content->base = la_realloc(content->base, size + 1, 1);
    memset(content->base + content->base_size, 0, size - content->base_size);
    content->base_size = size;
}

static bool touches(const struct la_change *change, uint64_t page)
{
    return change->op == FI_OP_WRITE && change->offset < (page + 1) * LA_PAGE &&
           change->offset + change->length > page * LA_PAGE;
}

/* A page that an fsync failed to write is durable after all where a later write made it dirty again. */
static bool rewritten(const struct la_content *content, size_t from, uint64_t page)
{
    const struct la_trail *trail = content->trail;
    for (size_t i = from; i < trail->count; i++) {
        const struct la_change *change = &trail->changes[i];
        if (is_data(change, content->file) && touches(change, page) && change->durability == LA_DURABLE)
            return true;
    }
    return false;
}

static void write_durable(struct la_content *content, size_t at, bool whole)
{
    const struct la_change *change = &content->trail->changes[at];
    uint64_t end = change->offset + change->length;
    for (uint64_t from = change->offset; from < end;) {
        uint64_t page = from / LA_PAGE;
        uint64_t to = (page + 1) * LA_PAGE < end ? (page + 1) * LA_PAGE : end;
        if (whole || rewritten(content, at + 1, page)) {
            if (to > content->base_size)
                grow(content, to);
            memcpy(content->base + from, change->data + (from - change->offset), to - from);
        }
        from = to;
    }
}

/* Applies a change to what is durable. */
static void make_durable(struct la_content *content, size_t at)
{
    const struct la_change *change = &content->trail->changes[at];
    if (change->op == FI_OP_WRITE)
        write_durable(content, at, change->durability != LA_DROPPED);
    else if (change->op == FI_OP_TRUNCATE)
        grow(content, change->length);
    else if (change->data) {
        grow(content, change->length);
        memcpy(content->base, change->data, change->length);
    }
}

static void split(struct la_content *content)
{
    const struct la_trail *trail = content->trail;
    content->pending = la_alloc(trail->count + 1, sizeof *content->pending);
    for (size_t i = 0; i < trail->count; i++) {
        const struct la_change *change = &trail->changes[i];
        if (!is_data(change, content->file))
            continue;
        bool dropped = change->durability == LA_DROPPED && change->op == FI_OP_WRITE;
        if (change->op == FI_OP_OPEN || change->durability == LA_DURABLE || dropped)
            make_durable(content, i);
        if (change->op != FI_OP_OPEN && change->durability != LA_DURABLE)
            content->pending[content->pending_count++] = i;
    }
}

static const struct la_change *pending(const struct la_content *content, size_t at)
{
    return &content->trail->changes[content->pending[at]];
}

/* Bytes of a page that is marked clean and is not on the disk: they go there when a later write dirties the page. */
static bool hidden(const struct la_change *change)
{
    return change->op == FI_OP_WRITE && change->durability == LA_DROPPED;
}

static bool ordered(const struct la_content *content)
{
    return la_filesystems[content->profile].ordered;
}

static bool truncate_applied(const struct la_content *content, size_t at)
{
    return pending(content, at)->op == FI_OP_TRUNCATE && content->pending[at] < content->upto;
}

static void find_truncates(struct la_content *content)
{
    content->solid = content->least = content->base_size;
    content->growing = content->pending_count;
    for (size_t i = 0; ordered(content) && i < content->pending_count; i++) {
        if (pending(content, i)->op != FI_OP_TRUNCATE)
            continue;
        if (!truncate_applied(content, i)) {
            content->growing = i;
            return;
        }
        content->after = i + 1;
        content->least = pending(content, i)->length;
        content->solid = content->least < content->solid ? content->least : content->solid;
    }
}

static void find_sizes(struct la_content *content)
{
    content->most = content->least;
    for (size_t i = content->after; i < content->growing; i++) {
        const struct la_change *change = pending(content, i);
        if (hidden(change))
            continue;
        uint64_t end = change->op == FI_OP_WRITE ? change->offset + change->length : change->length;
        content->most = end > content->most ? end : content->most;
    }
}

void la_content_of(struct la_content *content, const struct la_trail *trail, uint32_t file, enum la_fs profile,
                   size_t upto, uint64_t unit)
{
    *content = (struct la_content){.trail = trail, .file = file, .profile = profile, .upto = upto, .unit = unit};
    split(content);
    find_truncates(content);
    find_sizes(content);
}

void la_content_free(struct la_content *content)
{
    free(content->base);
    free(content->pending);
    *content = (struct la_content){0};
}

/* ---- sizes ---- */

/* The size after a pending change, were it the last that is there. */
static uint64_t size_after(const struct la_content *content, size_t at)
{
    uint64_t size = content->least;
    for (size_t i = content->after; i <= at && i < content->growing; i++) {
        const struct la_change *change = pending(content, i);
        if (hidden(change))
            continue;
        uint64_t end = change->offset + change->length;
        if (change->op == FI_OP_TRUNCATE)
            size = change->length;
        else if (end > size)
            size = end;
    }
    return size;
}

bool la_content_size_possible(const struct la_content *content, uint64_t size)
{
    if (size == content->least)
        return true;
    if (size > content->least && size < content->most && size % content->unit == 0)
        return true;
    for (size_t i = content->after; i < content->growing; i++)
        if (size_after(content, i) == size)
            return true;
    return false;
}

static int by_size(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one;
    uint64_t b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static size_t index_of(const struct la_sizes *sizes, uint64_t size)
{
    size_t at = 0;
    while (sizes->items[at] != size)
        at++;
    return at;
}

void la_content_sizes(const struct la_content *content, struct la_sizes *sizes)
{
    uint64_t units = (content->most - content->least) / content->unit + 1;
    size_t count = 0;
    uint64_t *items = la_alloc(content->pending_count + units + 2, sizeof *items);
    uint64_t last = content->least;
    items[count++] = content->least;
    for (size_t i = content->after; i < content->growing; i++)
        items[count++] = last = size_after(content, i);
    for (uint64_t at = (content->least / content->unit + 1) * content->unit; at < content->most; at += content->unit)
        items[count++] = at;
    qsort(items, count, sizeof *items, by_size);
    *sizes = (struct la_sizes){.items = items};
    for (size_t i = 0; i < count; i++)
        if (!i || items[i] != items[sizes->count - 1])
            items[sizes->count++] = items[i];
    sizes->none = index_of(sizes, content->least);
    sizes->all = index_of(sizes, last);
}

uint64_t la_content_random_size(const struct la_content *content, uint64_t *random)
{
    size_t steps = content->growing > content->after ? content->growing - content->after : 0;
    size_t step = la_random(random) % (steps + 1);
    uint64_t size = step ? size_after(content, content->after + step - 1) : content->least;
    uint64_t page = size / content->unit * content->unit;
    return la_random(random) % 4 == 0 && page > content->least ? page : size;
}

/* ---- units ---- */

/* Bytes of a version beyond this are cut off by a truncate that is there and came later. */
static uint64_t limit_of(const struct la_content *content, size_t version)
{
    uint64_t limit = UINT64_MAX;
    for (size_t i = version; ordered(content) && i < content->after; i++)
        if (truncate_applied(content, i) && pending(content, i)->length < limit)
            limit = pending(content, i)->length;
    return limit;
}

/* A page cut off by a truncate that is not there got new blocks when it was written again: those are not seen. */
static bool reaches_disk(const struct la_content *content, size_t version, uint64_t start)
{
    for (size_t i = content->growing; ordered(content) && i < version; i++)
        if (pending(content, i)->op == FI_OP_TRUNCATE && start >= pending(content, i)->length)
            return false;
    return true;
}

struct window {
    uint8_t bytes[UNIT_MAX];
    uint64_t start;
    uint64_t length;
};

/* Applies one change to a window of the file; false when it does not touch it. */
static bool step(struct window *window, const struct la_change *change)
{
    uint64_t end = window->start + window->length;
    if (change->op == FI_OP_TRUNCATE) {
        uint64_t from = change->length > window->start ? change->length : window->start;
        if (from >= end)
            return false;
        memset(window->bytes + (from - window->start), 0, end - from);
        return true;
    }
    uint64_t from = change->offset > window->start ? change->offset : window->start;
    uint64_t to = change->offset + change->length < end ? change->offset + change->length : end;
    if (from >= to)
        return false;
    memcpy(window->bytes + (from - window->start), change->data + (from - change->offset), to - from);
    return true;
}

static bool show(const struct la_content *content, const struct window *window, size_t version, uint64_t size,
                 la_unit_visit visit, void *context)
{
    struct window seen = *window;
    uint64_t limit = limit_of(content, version);
    uint64_t end = window->start + window->length;
    if (limit < end) {
        uint64_t from = limit > window->start ? limit : window->start;
        memset(seen.bytes + (from - window->start), 0, end - from);
    }
    uint64_t length = size < end ? size - window->start : window->length;
    return visit(context, seen.bytes, length, (unsigned int)version);
}

bool la_content_versions(const struct la_content *content, uint64_t unit, uint64_t size, la_unit_visit visit,
                         void *context)
{
    struct window window = {.start = unit * content->unit, .length = content->unit};
    if (window.start >= size)
        return false;
    uint64_t known = content->base_size > window.start ? content->base_size - window.start : 0;
    if (known)
        memcpy(window.bytes, content->base + window.start, known < window.length ? known : window.length);
    if (show(content, &window, 0, size, visit, context))
        return true;
    uint64_t page = window.start / LA_PAGE;
    bool unseen = false; /* the window has hidden bytes that no version has shown yet */
    for (size_t i = 0; i < content->pending_count; i++) {
        const struct la_change *change = pending(content, i);
        if (hidden(change)) {
            bool on_disk = rewritten(content, content->pending[i] + 1, page);
            unseen = (!on_disk && step(&window, change)) || unseen;
            continue;
        }
        bool changed = step(&window, change);
        if (!(changed || (unseen && touches(change, page))) || !reaches_disk(content, i + 1, window.start))
            continue;
        unseen = false;
        if (show(content, &window, i + 1, size, visit, context))
            return true;
    }
    return false;
}
