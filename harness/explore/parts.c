#include "explore/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SMALL = 512, /* bytes: what small files say is part of the likeness, */
    OFTEN = 3    /* but for those that are written so often */
};

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t words[] = {a, b, c};
    return XXH3_64bits(words, sizeof words);
}

static uint64_t hash_of(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

static uint64_t hash_without_digits(const char *text)
{
    char kept[LA_PATH_MAX];
    size_t length = 0;
    for (; *text && length < sizeof kept - 1; text++)
        if (!isdigit((unsigned char)*text))
            kept[length++] = *text;
    return XXH3_64bits(kept, length);
}

/* ---- the contents of a unit ---- */

struct collected {
    struct la_unit *unit;
    uint64_t size; /* of a unit */
};

static bool collect(void *context, const uint8_t *bytes, uint64_t length, unsigned int version)
{
    (void)version;
    struct collected *collected = context;
    struct la_unit *unit = collected->unit;
    unit->bytes = la_realloc(unit->bytes, unit->versions + 1, collected->size);
    uint8_t *to = unit->bytes + unit->versions * collected->size;
    memset(to, 0, collected->size);
    memcpy(to, bytes, length);
    unit->hashes = la_realloc(unit->hashes, unit->versions + 1, sizeof *unit->hashes);
    unit->hashes[unit->versions++] = XXH3_64bits_withSeed(to, collected->size, unit->start);
    return unit->versions == UINT16_MAX;
}

/* Of the unit as the file's size lets it be seen; 0: it does not reach there. */
static uint64_t unit_hash(const struct la_part_file *file, size_t index)
{
    const struct la_unit *unit = &file->units[index];
    const uint64_t size = file->sizes.items[file->size];
    const uint64_t whole = file->content.unit;
    const uint32_t version = file->version[index];
    if (unit->start >= size)
        return 0;
    if (size - unit->start >= whole)
        return unit->hashes[version];
    return XXH3_64bits_withSeed(unit->bytes + version * whole, size - unit->start, unit->start);
}

static void sum_up(struct la_part_file *file)
{
    file->sum = 0;
    for (size_t i = 0; i < file->unit_count; i++)
        file->sum ^= unit_hash(file, i);
}

uint64_t la_part_hash(const struct la_part_file *file)
{
    return mix(file->path, file->sum, file->sizes.items[file->size]);
}

/* In what manner the size is what it is: as is durable, as all of it, after a write, at a page. */
static uint64_t manner_of_size(const struct la_part_file *file)
{
    if (file->sizes.count == 1)
        return 0;
    if (file->size == file->sizes.none)
        return 1;
    if (file->size == file->sizes.all)
        return 2;
    return file->sizes.items[file->size] % file->content.unit ? 3 : 4;
}

uint64_t la_part_likeness(const struct la_part_file *file)
{
    if (file->sizes.items[file->size] <= SMALL && !file->is_log)
        return mix(file->likeness, file->sum, file->sizes.items[file->size]);
    return mix(file->likeness, manner_of_size(file), file->manner);
}

/* ---- dimensions ---- */

static uint32_t manner_of(const struct la_part_file *file, size_t index, size_t way)
{
    const struct la_unit *unit = &file->units[index];
    if (!way && unit->start >= file->content.solid)
        return 1; /* a hole */
    return way + 1 < unit->versions ? 1 << 8 : 1 << 16;
}

size_t la_dim_way(const struct la_dim *dim)
{
    return dim->unit == LA_DIM_SIZE ? dim->file->size : dim->file->version[dim->unit];
}

void la_dim_go(const struct la_dim *dim, size_t way)
{
    struct la_part_file *file = dim->file;
    if (dim->unit == LA_DIM_SIZE) {
        file->size = way;
        sum_up(file);
        return;
    }
    file->sum ^= unit_hash(file, dim->unit);
    file->manner -= manner_of(file, dim->unit, file->version[dim->unit]);
    file->version[dim->unit] = (uint32_t)way;
    file->manner += manner_of(file, dim->unit, way);
    file->sum ^= unit_hash(file, dim->unit);
}

/* A kill in the middle of a write leaves whole pages of it. */
static bool cut_by_kill(const struct la_trail *trail, const struct la_dim *dim, size_t way)
{
    const struct la_change *last = trail->count ? &trail->changes[trail->count - 1] : NULL;
    if (!last || last->op != FI_OP_WRITE || last->failed || last->file != dim->file->entry->file)
        return false;
    uint64_t size = dim->file->sizes.items[way];
    return dim->unit == LA_DIM_SIZE && size % LA_PAGE == 0 && size > last->old_size &&
           size < last->offset + last->length;
}

bool la_dim_may_go(const struct la_trail *trail, const struct la_dim *dim, size_t way, enum la_ending ending)
{
    const struct la_part_file *file = dim->file;
    if (way == la_dim_way(dim) || (ending == LA_ENDING_KILL && !cut_by_kill(trail, dim, way)))
        return false;
    return dim->unit == LA_DIM_SIZE || file->units[dim->unit].start < file->sizes.items[file->size];
}

static void add_dim(struct la_parts_of_state *parts, struct la_part_file *file, size_t unit, size_t ways)
{
    parts->more = parts->more || ways >= UINT16_MAX || parts->dim_count == UINT16_MAX;
    if (ways < 2 || parts->dim_count == UINT16_MAX)
        return;
    parts->dims = la_realloc(parts->dims, parts->dim_count + 1, sizeof *parts->dims);
    parts->dims[parts->dim_count++] = (struct la_dim){file, unit, ways < UINT16_MAX ? ways : UINT16_MAX};
}

static void find_dims(struct la_parts_of_state *parts)
{
    for (size_t i = 0; i < parts->file_count; i++)
        add_dim(parts, &parts->files[i], LA_DIM_SIZE, parts->files[i].sizes.count);
    for (size_t i = 0; i < parts->file_count; i++)
        for (size_t u = 0; u < parts->files[i].unit_count; u++)
            add_dim(parts, &parts->files[i], u, parts->files[i].units[u].versions);
}

/* ---- all of it ---- */

static bool is_log(const struct la_trail *trail, uint32_t file)
{
    unsigned int writes = 0;
    for (size_t i = 0; i < trail->count && writes < OFTEN; i++)
        writes += trail->changes[i].op == FI_OP_WRITE && trail->changes[i].file == file;
    return writes == OFTEN;
}

static void open_file(struct la_part_file *file, const struct la_trail *trail, const struct la_naming *naming,
                      const struct la_entry *entry, enum la_fs profile)
{
    *file = (struct la_part_file){
        .entry = entry, .path = hash_of(entry->path), .likeness = hash_without_digits(entry->path)};
    file->is_log = is_log(trail, entry->file);
    la_content_of(&file->content, trail, entry->file, profile, naming->upto, la_filesystems[profile].unit);
    la_content_sizes(&file->content, &file->sizes);
    const uint64_t unit = file->content.unit;
    const uint64_t most = file->sizes.items[file->sizes.count - 1];
    file->unit_count = (most + unit - 1) / unit;
    file->units = la_alloc(file->unit_count + 1, sizeof *file->units);
    file->version = la_alloc(file->unit_count + 1, sizeof *file->version);
    for (size_t i = 0; i < file->unit_count; i++) {
        struct collected collected = {&file->units[i], unit};
        file->units[i].start = i * unit;
        la_content_versions(&file->content, i, most, collect, &collected);
        file->version[i] = naming->from_all ? file->units[i].versions - 1 : 0;
    }
    file->size = naming->from_all ? file->sizes.all : file->sizes.none;
    file->manner = naming->from_all ? 1U << 30 : 0;
    sum_up(file);
}

void la_parts_of_state(const struct la_trail *trail, const struct la_naming *naming, enum la_ending ending,
                       struct la_parts_of_state *parts)
{
    *parts = (struct la_parts_of_state){.files = la_alloc(naming->names.count + 1, sizeof *parts->files)};
    for (size_t i = 0; i < naming->names.count; i++) {
        const struct la_entry *entry = &naming->names.entries[i];
        if (entry->kind == LA_ENTRY_FILE) {
            open_file(&parts->files[parts->file_count++], trail, naming, entry, la_ending_profile(ending));
            continue;
        }
        const uint64_t target = entry->kind == LA_ENTRY_LINK ? hash_of(entry->target) : 0;
        parts->hash ^= mix(hash_of(entry->path), entry->kind, target);
        parts->likeness ^= mix(hash_without_digits(entry->path), entry->kind, 0);
    }
    find_dims(parts);
}

void la_parts_of_state_free(struct la_parts_of_state *parts)
{
    for (size_t i = 0; i < parts->file_count; i++) {
        struct la_part_file *file = &parts->files[i];
        for (size_t u = 0; u < file->unit_count; u++) {
            free(file->units[u].bytes);
            free(file->units[u].hashes);
        }
        free(file->units);
        free(file->version);
        free(file->sizes.items);
        la_content_free(&file->content);
    }
    free(parts->files);
    free(parts->dims);
    *parts = (struct la_parts_of_state){0};
}
