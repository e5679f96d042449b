#include "load/load.h"

#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ledger/value.h"
#include "load/pick.h"
#include "redis/drawn.h"
#include "redis/replies.h"
#include "types/types.h"

enum {
    REPLY_BYTES = 1 << 20,      /* most of one reply: so many, ... */
    REPLY_VALUES = 8,           /* ... and so many of the largest values */
    RETRY_NS = 3000000,         /* between attempts to connect */
    REFUSED_PAUSE_NS = 5000000, /* after an error reply: a client that is refused does not hammer */
    PATIENCE_MS = 20000,        /* how long the end waits for the next reply */
    IDLE_MS = 1,                /* how long a turn waits for something to come */
    SWEEP_NS = 1000000,         /* how often all connections are looked at, whatever arrives */
    CONNECT_TIMEOUT_MS = 2000,
    EVENTS = 64,
};

/* An operation in flight. */
struct flight {
    uint64_t index; /* in the ledger */
    int lead;       /* replies before the operation's own: of what it needs to be sent at all */
    int replies;    /* of its own, still to come */
    int good;       /* of those that have come */
    int bad;
    unsigned int error; /* code of the first bad one */
};

struct connection {
    redisContext *client;   /* NULL: not connected */
    uint32_t number;        /* of the client, from 0 */
    struct connection *own; /* whose session and keys: itself, or for a connection that waits the one that feeds it */
    uint32_t session;
    uint64_t random;
    uint64_t resume_ns;     /* nothing is sent before */
    uint32_t sent;          /* in this session */
    unsigned int database;  /* that it is in; for recorded traffic */
    bool wants_out;         /* its output buffer is not empty */
    size_t unread;          /* bytes since the last whole reply */
    struct flight *flights; /* ring of plan.pipeline */
    uint32_t first, in_flight, depth;
    struct la_key_state *keys;
};

struct load {
    struct la_ledger *ledger;
    const struct la_address *address;
    const struct la_recording *recording;
    const struct la_plan *plan;
    struct connection *connections;
    uint32_t connection_count;
    int waiting_type; /* whose operations wait on connections of their own; -1: none */
    uint8_t waiting_kind;
    struct la_draw draw;
    int epoll;
    uint64_t start_ns;
    uint64_t now_ns; /* as of the last turn or arrival: one look at the clock for a whole batch */
    char *value;
    FILE *drawn;               /* what recorded commands draw at random; NULL: no recording is sent */
    struct la_replies replies; /* of all connections: one is looked at at a time */
};

static bool stopping(const struct load *load)
{
    const struct la_ledger_head *head = load->ledger->head;
    return atomic_load_explicit(&head->stop, memory_order_relaxed) ||
           atomic_load_explicit(&head->full, memory_order_relaxed);
}

static void disconnect(struct load *load, struct connection *connection)
{
    if (connection->client)
        la_client_close(connection->client); /* closing takes it out of the epoll set */
    connection->client = NULL;
    connection->in_flight = 0;
    connection->wants_out = false;
    connection->unread = 0;
    connection->resume_ns = la_now_ns() + RETRY_NS;
    for (uint32_t i = load->plan->clients; i < load->connection_count; i++) /* who waits for it begins anew with it */
        if (load->connections[i].own == connection && &load->connections[i] != connection)
            disconnect(load, &load->connections[i]);
}

static void begin_session(struct load *load, struct connection *connection)
{
    struct la_ledger_head *head = load->ledger->head;
    uint32_t session = atomic_load(&head->sessions);
    /* Read after connecting: if that server has died since, this session gets no reply and its label does not matter.
     */
    head->session[session] = (struct la_session){connection->number, atomic_load(&head->life)};
    atomic_store(&head->sessions, session + 1);
    connection->session = session;
    connection->random = load->plan->seed ^ (uint64_t)session << 20;
    connection->sent = 0;
    connection->database = 0;
    memset(connection->keys, 0, load->draw.keys * sizeof *connection->keys);
}

static void connect_again(struct load *load, struct connection *connection)
{
    struct la_error ignored;
    bool feeds = connection->own == connection;
    if (load->recording && atomic_load(&load->ledger->head->sessions)) {
        atomic_store(&load->ledger->head->ended, 1); /* a recording is not taken up again in the middle */
        return;
    }
    if (!feeds && !connection->own->client)
        return;
    if (feeds && atomic_load(&load->ledger->head->sessions) == LA_SESSIONS_MAX) {
        atomic_store(&load->ledger->head->full, 1);
        return;
    }
    redisContext *client = la_client_connect(load->address, CONNECT_TIMEOUT_MS, &ignored);
    connection->resume_ns = la_now_ns() + RETRY_NS;
    if (!client)
        return;
    if (!la_client_serving(client, load->address)) {
        la_client_close(client);
        return;
    }
    la_replies_attach(&load->replies, client);
    client->flags &= ~REDIS_BLOCK;
    struct timeval forever = {0, 0};
    redisSetTimeout(client, forever);
    connection->client = client;
    connection->resume_ns = 0;
    connection->first = connection->in_flight = 0;
    if (feeds)
        begin_session(load, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

/* Enters one operation on `key` in the ledger; NULL when it is full. */
static struct la_op *enter(struct load *load, struct connection *connection, uint32_t key, uint8_t kind)
{
    struct la_ledger_head *head = load->ledger->head;
    uint64_t index = atomic_load_explicit(&head->count, memory_order_relaxed);
    if (index == head->capacity) {
        atomic_store(&head->full, 1);
        return NULL;
    }
    struct la_key_state *state = &connection->own->keys[key];
    struct la_op *op = &load->ledger->ops[index];
    struct la_op chosen = {.session = connection->own->session, .seq = ++state->invoked, .key = (uint16_t)key};
    chosen.type = (uint8_t)la_plan_type(load->plan, key);
    chosen.kind = kind;
    la_types[chosen.type]->choose(&chosen, state, la_random(&connection->random) >> 8);
    op->session = chosen.session;
    op->seq = chosen.seq;
    op->key = chosen.key;
    op->field = chosen.field;
    op->type = chosen.type;
    op->invoked_ns = load->now_ns;
    atomic_store_explicit(&op->kind, chosen.kind, memory_order_release);
    atomic_store_explicit(&head->count, index + 1, memory_order_release);
    return op;
}

static void send_one(struct load *load, struct connection *connection, uint32_t key, uint8_t kind)
{
    int lead = 0;
    struct la_write write = {.client = connection->client,
                             .address = load->address,
                             .plan = load->plan,
                             .recording = load->recording,
                             .database = &connection->database,
                             .lead = &lead,
                             .value = load->value};
    const struct la_op *op = enter(load, connection, key, kind);
    if (!op)
        return;
    write.op = op;
    la_key_name(write.name, op->session, op->key);
    if (la_op_kind(op)->value)
        la_value_make(load->value, la_value_size(load->plan, op->seq), op->session, op->key, op->seq);
    int replies = la_types[op->type]->write(&write);
    uint32_t slot = (connection->first + connection->in_flight++) % connection->depth;
    connection->flights[slot] =
        (struct flight){.index = (uint64_t)(op - load->ledger->ops), .lead = lead, .replies = replies - lead};
    connection->sent++;
}

/* Puts what is waiting into the socket; asks to be told when there is room for the rest. */
static void flush(struct load *load, struct connection *connection)
{
    int done = 0;
    if (redisBufferWrite(connection->client, &done) == REDIS_ERR) {
        disconnect(load, connection);
        return;
    }
    if (connection->wants_out == !done)
        return;
    connection->wants_out = !done;
    struct epoll_event event = {.events = EPOLLIN | (done ? 0U : (uint32_t)EPOLLOUT), .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->client->fd, &event);
}

/* How many more operations the rate allows by now. */
static uint64_t allowed(const struct load *load)
{
    uint64_t due = la_draw_due(load->plan, load->now_ns - load->start_ns);
    uint64_t sent = atomic_load_explicit(&load->ledger->head->count, memory_order_relaxed);
    if (load->recording && due > load->recording->count)
        due = load->recording->count;
    return due > sent ? due - sent : 0;
}

/* A connection that waits has one operation under way, and another as soon as that is over. */
static void fill_waiting(struct load *load, struct connection *connection)
{
    uint32_t key = la_draw_key_of(load->plan, load->waiting_type, &connection->random);
    send_one(load, connection, key, load->waiting_kind);
}

/*
 * Closed loop: the next operations go out when all replies are there. With a rate the loop is open: what is due goes
 * out while others are still under way, up to the depth of the pipeline.
 */
static void fill(struct load *load, struct connection *connection)
{
    bool open = load->plan->rate != 0;
    if (!connection->client || (connection->in_flight && !open) || stopping(load) ||
        load->now_ns < connection->resume_ns)
        return;
    if (load->plan->churn && connection->own == connection && connection->sent >= load->plan->churn) {
        if (!connection->in_flight) {
            disconnect(load, connection);
            connection->resume_ns = 0;
        }
        return;
    }
    connection->resume_ns = 0;
    uint64_t left = allowed(load);
    if (load->recording && !connection->in_flight && load->ledger->head->count == load->recording->count)
        atomic_store(&load->ledger->head->ended, 1);
    for (; left && connection->in_flight < connection->depth && !stopping(load); left--) {
        if (connection->own == connection)
            send_one(load, connection, la_draw_key(&load->draw, &connection->random), 0);
        else
            fill_waiting(load, connection);
    }
}

static void refused(struct load *load, struct connection *connection, struct la_op *op, unsigned int code)
{
    struct la_ledger_head *head = load->ledger->head;
    atomic_fetch_add(&head->refused, 1);
    op->done_ns = load->now_ns;
    atomic_store(&head->last_refused_ns, op->done_ns);
    atomic_store_explicit(&op->outcome, (uint8_t)(LA_OUTCOME_ERROR + code), memory_order_release);
    connection->resume_ns = op->done_ns + REFUSED_PAUSE_NS;
}

static void acknowledged(struct load *load, struct connection *connection, struct la_op *op, const redisReply *reply)
{
    struct la_ledger_head *head = load->ledger->head;
    bool right = la_types[op->type]->accept(&connection->own->keys[op->key], op, reply);
    if (load->drawn)
        la_drawn_note(load->drawn, op->seq, &load->recording->items[op->seq - 1], reply);
    op->done_ns = load->now_ns;
    atomic_store_explicit(&op->outcome, right ? LA_OUTCOME_OK : LA_OUTCOME_WRONG, memory_order_release);
    if (la_op_kind(op)->value || op->kind == 1) /* what takes away is accepted where nothing else is */
        atomic_store_explicit(&head->last_acked_ns, op->invoked_ns, memory_order_relaxed);
    /* one writer: no need for a locked addition */
    atomic_store_explicit(&head->acked, atomic_load_explicit(&head->acked, memory_order_relaxed) + 1,
                          memory_order_release);
}

/*
 * All replies to an operation are there. Of several commands the last one decides, but an error to one that stands
 * alone (the SET before a WAIT) means that nothing was written. An error to the last alone leaves open what happened,
 * unless it says that nothing did.
 */
static void settle(struct load *load, struct connection *connection, struct flight *flight, const redisReply *last)
{
    struct la_op *op = &load->ledger->ops[flight->index];
    bool ended_well = last->type != REDIS_REPLY_ERROR;
    bool aborted = !ended_well && !strncmp(last->str, "EXECABORT", 9);
    if (ended_well && !flight->bad)
        acknowledged(load, connection, op, last);
    else if (aborted)
        refused(load, connection, op, la_ledger_error(load->ledger, last->str));
    else if (ended_well || !flight->good)
        refused(load, connection, op, flight->error);
}

static void take_error(struct load *load, struct flight *flight, const char *text)
{
    unsigned int code = la_ledger_error(load->ledger, text);
    atomic_fetch_add(&load->ledger->head->errors[code].count, 1);
    if (!flight->bad++)
        flight->error = code;
}

/* Takes one reply for the oldest operation in flight. False: the connection cannot be trusted any more. */
static bool take(struct load *load, struct connection *connection, const redisReply *reply)
{
    if (!connection->in_flight)
        return false;
    struct flight *flight = &connection->flights[connection->first];
    if (flight->lead)
        return flight->lead-- && reply->type != REDIS_REPLY_ERROR;
    if (reply->type != REDIS_REPLY_ERROR)
        flight->good++;
    else
        take_error(load, flight, reply->str);
    if (--flight->replies > 0)
        return true;
    settle(load, connection, flight, reply);
    connection->first = (connection->first + 1) % connection->depth;
    connection->in_flight--;
    return true;
}

static void receive(struct load *load, struct connection *connection)
{
    int status = la_client_read(connection->client, &connection->unread);
    load->now_ns = la_now_ns();
    for (bool sound = !status; sound;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(connection->client, &reply) == REDIS_ERR)
            break;
        if (!reply)
            return;
        connection->unread = 0;
        sound = take(load, connection, reply);
        la_replies_free(&load->replies, reply);
    }
    disconnect(load, connection);
}

/*
 * Everything that is ready goes out at the end of a turn, one connection after the other: a server that finds several
 * at once serves them with less effort.
 */
static void flush_if_needed(struct load *load, struct connection *connection)
{
    if (connection->client && sdslen(connection->client->obuf))
        flush(load, connection);
}

/*
 * Looks at every connection: those that are not connected, that paused, or for which something is due by now. Nothing
 * is sent before all are connected: connecting waits for the server, and whoever has sent would wait with it.
 */
static void sweep(struct load *load)
{
    for (uint32_t i = 0; i < load->connection_count; i++) {
        struct connection *connection = &load->connections[i];
        if (!connection->client && load->now_ns >= connection->resume_ns && !stopping(load))
            connect_again(load, connection);
    }
    load->now_ns = la_now_ns();
    for (uint32_t i = 0; i < load->connection_count; i++) {
        fill(load, &load->connections[i]);
        flush_if_needed(load, &load->connections[i]);
    }
}

/* Waits at most IDLE_MS for something to come; how many connections something came for, or could be sent to. */
static int turn(struct load *load, uint64_t *next_sweep_ns)
{
    struct epoll_event events[EVENTS];
    load->now_ns = la_now_ns();
    if (load->now_ns >= *next_sweep_ns) {
        sweep(load);
        *next_sweep_ns = load->now_ns + SWEEP_NS;
    }
    int count = epoll_wait(load->epoll, events, EVENTS, IDLE_MS);
    load->now_ns = la_now_ns();
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->client && (events[i].events & EPOLLOUT))
            flush(load, connection);
        if (connection->client && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            receive(load, connection);
        fill(load, connection);
    }
    for (int i = 0; i < count; i++)
        flush_if_needed(load, events[i].data.ptr);
    return count;
}

static bool drained(const struct load *load)
{
    for (uint32_t i = 0; i < load->connection_count; i++)
        if (load->connections[i].client && load->connections[i].in_flight)
            return false;
    return true;
}

static void find_waiting(struct load *load)
{
    load->waiting_type = -1;
    for (unsigned int type = 0; type < la_type_count; type++)
        for (uint8_t kind = 1; load->plan->keys[type] && kind <= LA_KINDS_MAX; kind++)
            if (la_types[type]->kinds[kind - 1].blocks) {
                load->waiting_type = (int)type;
                load->waiting_kind = kind;
            }
}

static void open_connection(struct load *load, uint32_t i)
{
    const struct la_plan *plan = load->plan;
    struct connection *connection = &load->connections[i];
    bool feeds = i < plan->clients;
    connection->number = feeds ? i : i - plan->clients;
    connection->own = &load->connections[connection->number];
    connection->depth = feeds ? plan->pipeline : 1;
    connection->flights = la_alloc(connection->depth, sizeof(struct flight));
    connection->keys = feeds ? la_alloc(load->draw.keys, sizeof(struct la_key_state)) : NULL;
    connection->random = plan->seed + i;
}

static void open_load(struct load *load, struct la_ledger *ledger, const struct la_address *address,
                      const struct la_recording *recording)
{
    const struct la_plan *plan = &ledger->head->plan;
    *load = (struct load){.ledger = ledger, .address = address, .recording = recording, .plan = plan};
    la_draw_make(&load->draw, plan);
    load->drawn = recording && recording->drawn ? fopen(recording->drawn, "we") : NULL;
    if (!recording) /* what is written is answered with a few values at most */
        load->replies.bounded.bytes = REPLY_BYTES + REPLY_VALUES * la_value_largest(plan);
    load->value = la_alloc(la_value_largest(plan) + 1, 1);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->start_ns = la_now_ns();
    find_waiting(load);
    load->connection_count = plan->clients * (load->waiting_type >= 0 ? 2 : 1);
    load->connections = la_alloc(load->connection_count, sizeof *load->connections);
    for (uint32_t i = 0; i < load->connection_count; i++)
        open_connection(load, i);
}

static void close_load(struct load *load)
{
    for (uint32_t i = 0; i < load->connection_count; i++) {
        if (load->connections[i].client)
            la_client_close(load->connections[i].client);
        free(load->connections[i].flights);
        free(load->connections[i].keys);
    }
    if (load->drawn)
        fclose(load->drawn);
    close(load->epoll);
    free(load->connections);
    free(load->value);
    la_draw_free(&load->draw);
    la_replies_release(&load->replies);
}

unsigned int la_load_patience_ms(const struct la_plan *plan)
{
    return PATIENCE_MS + plan->wait_ms;
}

/*
 * A server may be slow at what is in flight: it is given up when nothing comes any more. Turns are counted, not time: a
 * machine that stands still has held up the server as well.
 */
static int drain(struct load *load, uint64_t *next_sweep_ns)
{
    unsigned int patience = la_load_patience_ms(load->plan) / IDLE_MS;
    for (unsigned int idle = 0; !drained(load); idle++) {
        if (idle == patience)
            return 1;
        if (turn(load, next_sweep_ns) > 0)
            idle = 0;
    }
    return 0;
}

int la_load_run(struct la_ledger *ledger, const struct la_address *address, const struct la_recording *recording)
{
    struct load load;
    uint64_t next_sweep_ns = 0;
    open_load(&load, ledger, address, recording);
    while (!atomic_load(&ledger->head->stop))
        turn(&load, &next_sweep_ns);
    int left = drain(&load, &next_sweep_ns);
    close_load(&load);
    return left;
}
