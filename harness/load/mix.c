#include "load/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/types.h"

/* Without a mix: the first five get so many keys and shares, the others fewer. */
enum { CLASSIC_TYPES = 5, OTHER_KEYS = 2, OTHER_SHARE = 4 };

static bool knows(redisContext *client, const char *command)
{
    const char *words[] = {"COMMAND", "INFO", command};
    redisReply *reply = la_client_words(client, 3, words, NULL);
    bool yes = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
               reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements > 0;
    freeReplyObject(reply);
    return yes;
}

/* The first command of a type that is disabled, in `words`; NULL: none is. */
static const char *disabled(const struct la_type *type, const struct la_strings *renamed, char *words, size_t size)
{
    const struct la_address runs = {.renamed = renamed};
    char *rest = words;
    snprintf(words, size, "%s", type->commands ? type->commands : "");
    for (char *command; (command = strsep(&rest, " "));)
        if (*command && !la_address_command(&runs, command))
            return command;
    return NULL;
}

/* Why a type cannot be used, to be freed; NULL: it can. */
static char *why_not(const struct la_type *type, redisContext *client, const struct la_strings *renamed)
{
    char words[128];
    char *rest = words;
    const struct la_address plain = {0};
    const char *without = disabled(type, renamed, words, sizeof words);
    if (without)
        return la_format("the configuration disables %s", without);
    snprintf(words, sizeof words, "%s", type->commands ? type->commands : "");
    for (char *command; (command = strsep(&rest, " "));)
        if (*command && !knows(client, command))
            return la_format("the server has no %s", command);
    redisReply *reply = type->probe ? la_client_send(client, &plain, type->probe) : NULL;
    char *why = NULL;
    if (type->probe && (!reply || reply->type == REDIS_REPLY_ERROR))
        why = la_format("%s -> %s", type->probe, reply ? reply->str : client->errstr);
    freeReplyObject(reply);
    return why;
}

void la_lacks_ask(struct la_lacks *lacks, redisContext *client, const struct la_strings *renamed, bool commands)
{
    for (unsigned int i = 0; i < la_type_count; i++)
        lacks->missing[i] = why_not(la_types[i], client, renamed);
    if (commands)
        la_commands_ask(&lacks->commands, client);
}

void la_lacks_free(struct la_lacks *lacks)
{
    for (unsigned int i = 0; i < la_type_count; i++)
        free(lacks->missing[i]);
    la_commands_free(&lacks->commands);
}

static void fill_standard(const struct la_lacks *lacks, const struct la_load_spec *load,
                          const struct la_strings *renamed, struct la_plan *plan)
{
    char words[128];
    for (unsigned int i = 0; i < la_type_count; i++) {
        if (la_types[i]->alone || lacks->missing[i] || disabled(la_types[i], renamed, words, sizeof words))
            continue;
        plan->keys[i] = (uint16_t)(i == 0 ? load->keys : i < CLASSIC_TYPES ? LA_MIX_KEYS : OTHER_KEYS);
        plan->shares[i] = (uint16_t)(i == 0 ? 100 : i < CLASSIC_TYPES ? LA_MIX_KEYS : OTHER_SHARE);
    }
}

int la_mix_plan(const struct la_lacks *lacks, const struct la_load_spec *load, const struct la_strings *renamed,
                uint64_t seed, struct la_plan *plan, struct la_error *error)
{
    char words[128];
    *plan = (struct la_plan){.seed = seed,
                             .clients = load->clients,
                             .pipeline = load->pipeline,
                             .value_size = load->value_size,
                             .big_size = load->big_size,
                             .big_every = load->big_every,
                             .rate = load->rate,
                             .ramp_ms = load->ramp_ms,
                             .busy_ms = load->busy_ms,
                             .idle_ms = load->idle_ms,
                             .churn = load->churn,
                             .wait_replicas = load->wait_replicas,
                             .wait_ms = load->wait_ms,
                             .skew = load->skew};
    if (load->commands && lacks->commands.why)
        return la_fail(error, "the load sends every write command, and %s", lacks->commands.why);
    if (la_load_is_list(load)) {
        int replay = la_type_find("replay");
        plan->keys[replay] = plan->shares[replay] = 1;
        plan->clients = 1;
        return 0;
    }
    if (!load->mix_count)
        fill_standard(lacks, load, renamed, plan);
    for (unsigned int i = 0; i < load->mix_count; i++) {
        const struct la_mix_spec *part = &load->mix[i];
        int type = la_type_find(part->type);
        if (lacks->missing[type])
            return la_fail(error, "the load asks for the type %s, and %s", part->type, lacks->missing[type]);
        const char *without = disabled(la_types[type], renamed, words, sizeof words);
        if (without)
            return la_fail(error, "the load asks for the type %s, and the scenario disables %s", part->type, without);
        plan->keys[type] = (uint16_t)la_mix_part_keys(load, part);
        plan->shares[type] = (uint16_t)part->share;
    }
    for (unsigned int i = 0; i < la_type_count; i++)
        if (la_types[i]->single && plan->keys[i])
            plan->keys[i] = 1;
    return 0;
}
