/* Geo: GEOADD of one of a few members, whose place on a grid is the operation's number, and ZREM. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/fates.h"

enum { GEOADD = 1, ZREM, GRID = 3000 };
#define STEP_LONGITUDE 0.1
#define STEP_LATITUDE  0.05
#define WEST           (-150.0)
#define SOUTH          (-75.0)
/* A place is kept as the cell of a grid, 26 bits each way; what comes back is its middle. A little more: arithmetic. */
#define CELL_LONGITUDE (360.0 / (1 << 26) * 0.501)
#define CELL_LATITUDE  (2 * 85.05112878 / (1 << 26) * 0.501)

/* Beyond the last place of the grid there is none that would tell who put a member there. */
static void choose(struct la_op *op, struct la_key_state *state, uint64_t dice)
{
    la_choose_field(op, state, dice);
    if (op->seq >= GRID * GRID)
        op->kind = ZREM;
}

static int write_key(const struct la_write *write)
{
    const struct la_op *op = write->op;
    char member[8];
    char longitude[32];
    char latitude[32];
    snprintf(member, sizeof member, "f%u", (unsigned)op->field);
    snprintf(longitude, sizeof longitude, "%.2f", WEST + op->seq % GRID * STEP_LONGITUDE);
    snprintf(latitude, sizeof latitude, "%.2f", SOUTH + op->seq / GRID % GRID * STEP_LATITUDE);
    if (op->kind == GEOADD)
        la_send(write->client, write->address, "GEOADD", write->name, longitude, latitude, member, NULL);
    else
        la_send(write->client, write->address, "ZREM", write->name, member, NULL);
    return 1;
}

static void read_key(redisContext *client, const struct la_address *address, const char *name)
{
    la_send(client, address, "GEOPOS", name, "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", NULL);
    la_send(client, address, "ZCARD", name, NULL);
}

/* The number of the operation that puts a member here; 0: none does. */
static uint32_t number_at(const redisReply *place)
{
    if (place->elements != 2 || !place->element[0]->str || !place->element[1]->str)
        return 0;
    double x = (strtod(place->element[0]->str, NULL) - WEST) / STEP_LONGITUDE;
    double y = (strtod(place->element[1]->str, NULL) - SOUTH) / STEP_LATITUDE;
    bool on_grid = fabs(x - round(x)) * STEP_LONGITUDE < CELL_LONGITUDE &&
                   fabs(y - round(y)) * STEP_LATITUDE < CELL_LATITUDE && x > -0.5 && y > -0.5 && x < GRID && y < GRID;
    return on_grid ? (uint32_t)(llround(x) + llround(y) * GRID) : 0;
}

static void judge(struct la_history *history, redisReply *const *replies)
{
    const redisReply *places = replies[0];
    uint32_t at[LA_FIELDS];
    long long there = 0;
    if (!la_fates_array(history, places, "geo index"))
        return;
    if (places->elements != LA_FIELDS && places->elements) {
        la_fates_report(history, LA_CORRUPT, NULL, "%zu places for %d members", places->elements, LA_FIELDS);
        return;
    }
    for (uint32_t field = 0; field < LA_FIELDS; field++) {
        const redisReply *place = places->elements ? places->element[field] : NULL;
        at[field] = history->count;
        if (!place || place->type != REDIS_REPLY_ARRAY)
            continue;
        there++;
        uint32_t found = la_fates_find(history, number_at(place));
        if (found < history->count && history->ops[found]->kind == GEOADD && history->ops[found]->field == field)
            at[field] = found;
        else
            la_fates_report(history, LA_PHANTOM, NULL, "member %u is where nobody put it", field);
    }
    if (!la_is_between(replies[1], there, there))
        la_fates_report(history, LA_PHANTOM, NULL, "a member nobody added");
    la_fates_fields(history, at);
}

const struct la_type la_type_geo = {
    .name = "geo",
    .commands = "GEOADD GEOPOS ZREM ZCARD",
    .kinds = {{.name = "geoadd"}, {"zrem", .removes = true}},
    .reads = 2,
    .choose = choose,
    .write = write_key,
    .accept = la_accept_field,
    .read = read_key,
    .judge = judge,
};
