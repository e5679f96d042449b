#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "types.h"

enum {
    RETRY_NS = 3000000,         /* between attempts to connect */
    REFUSED_PAUSE_NS = 5000000, /* after an error reply: a client that is refused does not hammer */
    DRAIN_NS = 2000000000,      /* how long the end waits for replies */
    CONNECT_TIMEOUT_MS = 2000,
    EVENTS = 64,
};

/* An operation in flight. */
struct flight {
    uint64_t index; /* in the ledger */
    int replies;    /* still to come */
};

struct connection {
    redisContext *client; /* NULL: not connected */
    uint32_t number;      /* of the client, from 0 */
    uint32_t session;
    uint64_t random;
    uint64_t resume_ns;     /* nothing is sent before */
    struct flight *flights; /* ring of plan.pipeline */
    uint32_t first, in_flight;
    struct la_key_state *keys;
};

struct load {
    struct la_ledger *ledger;
    const struct la_address *address;
    const struct la_plan *plan;
    struct connection *connections;
    int epoll;
    uint64_t start_ns;
    char *value;
    uint32_t key_count;
};

static void disconnect(struct load *load, struct connection *connection)
{
    (void)load;
    redisFree(connection->client); /* closing takes it out of the epoll set */
    connection->client = NULL;
    connection->in_flight = 0;
    connection->resume_ns = la_now_ns() + RETRY_NS;
}

/* True when the server does more than accept: it lets commands through. */
static bool serving(redisContext *client, const struct la_address *address)
{
    redisReply *reply = la_client_send(client, address, "PING");
    bool yes = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return yes;
}

static void begin_session(struct load *load, struct connection *connection)
{
    struct la_ledger_head *head = load->ledger->head;
    uint32_t session = atomic_load(&head->sessions);
    /* Read after connecting: if that server has died since, this session gets no reply and its label does not matter.
     */
    head->session[session] = (struct la_session){connection->number, atomic_load(&head->epoch)};
    atomic_store(&head->sessions, session + 1);
    connection->session = session;
    connection->random = load->plan->seed ^ (uint64_t)session << 20;
    connection->first = connection->in_flight = 0;
    memset(connection->keys, 0, load->key_count * sizeof *connection->keys);
}

static void connect_again(struct load *load, struct connection *connection)
{
    struct la_error ignored;
    if (atomic_load(&load->ledger->head->sessions) == LA_SESSIONS_MAX) {
        atomic_store(&load->ledger->head->full, 1);
        return;
    }
    redisContext *client = la_client_connect(load->address, CONNECT_TIMEOUT_MS, &ignored);
    connection->resume_ns = la_now_ns() + RETRY_NS;
    if (!client)
        return;
    if (!serving(client, load->address)) {
        redisFree(client);
        return;
    }
    client->flags &= ~REDIS_BLOCK;
    struct timeval forever = {0, 0};
    redisSetTimeout(client, forever);
    connection->client = client;
    connection->resume_ns = 0;
    begin_session(load, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

/* Enters one operation in the ledger; NULL when it is full. */
static struct la_op *enter(struct load *load, struct connection *connection, uint64_t *index, uint64_t *dice)
{
    struct la_ledger_head *head = load->ledger->head;
    *index = atomic_load_explicit(&head->count, memory_order_relaxed);
    if (*index == head->capacity) {
        atomic_store(&head->full, 1);
        return NULL;
    }
    uint32_t key = (uint32_t)(la_random(&connection->random) % load->key_count);
    *dice = la_random(&connection->random);
    int type = la_plan_type(load->plan, key);
    struct la_op *op = &load->ledger->ops[*index];
    op->session = connection->session;
    op->key = (uint16_t)key;
    op->type = (uint8_t)type;
    op->seq = ++connection->keys[key].invoked;
    struct la_op chosen = {0};
    la_types[type]->choose(&chosen, *dice >> 8);
    op->field = chosen.field;
    op->invoked_ns = la_now_ns();
    atomic_store_explicit(&op->kind, chosen.kind, memory_order_release);
    atomic_store_explicit(&head->count, *index + 1, memory_order_release);
    return op;
}

static void send_one(struct load *load, struct connection *connection)
{
    uint64_t index;
    struct la_write write = {connection->client, load->address, load->plan, NULL, "", load->value, 0};
    write.op = enter(load, connection, &index, &write.dice);
    if (!write.op)
        return;
    la_key_name(write.name, write.op->session, write.op->key);
    if (write.op->kind != LA_OP_DEL && write.op->kind != LA_OP_INCR)
        la_value_make(load->value, load->plan->value_size, write.op->session, write.op->key, write.op->seq);
    const struct la_type *type = la_types[write.op->type];
    type->write(&write);
    uint32_t slot = (connection->first + connection->in_flight++) % load->plan->pipeline;
    connection->flights[slot] = (struct flight){index, type->replies};
}

static void flush(struct load *load, struct connection *connection)
{
    int done = 0;
    if (redisBufferWrite(connection->client, &done) == REDIS_ERR) {
        disconnect(load, connection);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | (done ? 0U : (uint32_t)EPOLLOUT), .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->client->fd, &event);
}

/* How many operations the rate allows by now. */
static bool within_rate(const struct load *load)
{
    if (!load->plan->rate)
        return true;
    uint64_t due = (la_now_ns() - load->start_ns) / 1000 * load->plan->rate / 1000000;
    return atomic_load_explicit(&load->ledger->head->count, memory_order_relaxed) < due;
}

static void fill(struct load *load, struct connection *connection)
{
    struct la_ledger_head *head = load->ledger->head;
    if (connection->in_flight || atomic_load(&head->stop) || atomic_load(&head->full) ||
        (connection->resume_ns && la_now_ns() < connection->resume_ns))
        return;
    connection->resume_ns = 0;
    while (connection->in_flight < load->plan->pipeline && within_rate(load) && !atomic_load(&head->full))
        send_one(load, connection);
    if (connection->in_flight)
        flush(load, connection);
}

/* An error to EXEC that is not EXECABORT leaves open what happened. */
static bool ambiguous(const struct la_op *op, const redisReply *reply)
{
    return op->kind == LA_OP_EXEC && strncmp(reply->str, "EXECABORT", 9) != 0;
}

static bool refused(struct load *load, struct connection *connection, struct la_op *op, const redisReply *reply)
{
    if (ambiguous(op, reply))
        return false;
    struct la_ledger_head *head = load->ledger->head;
    unsigned int code = la_ledger_error(load->ledger, reply->str);
    atomic_fetch_add(&head->errors[code].count, 1);
    atomic_fetch_add(&head->refused, 1);
    op->done_ns = la_now_ns();
    atomic_store(&head->last_refused_ns, op->done_ns);
    atomic_store_explicit(&op->outcome, (uint8_t)(LA_OUTCOME_ERROR + code), memory_order_release);
    connection->resume_ns = op->done_ns + REFUSED_PAUSE_NS;
    return true;
}

/* Marks the oldest operation in flight. False: the connection cannot be trusted any more. */
static bool complete(struct load *load, struct connection *connection, const redisReply *reply)
{
    if (!connection->in_flight)
        return false;
    struct flight *flight = &connection->flights[connection->first];
    if (--flight->replies > 0)
        return true;
    struct la_op *op = &load->ledger->ops[flight->index];
    connection->first = (connection->first + 1) % load->plan->pipeline;
    connection->in_flight--;
    if (reply->type == REDIS_REPLY_ERROR)
        return refused(load, connection, op, reply);
    bool right = la_types[op->type]->accept(&connection->keys[op->key], op, reply);
    op->done_ns = la_now_ns();
    atomic_store_explicit(&op->outcome, right ? LA_OUTCOME_OK : LA_OUTCOME_WRONG, memory_order_release);
    atomic_store_explicit(&load->ledger->head->last_acked_ns, op->invoked_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&load->ledger->head->acked, 1, memory_order_release);
    return true;
}

static void receive(struct load *load, struct connection *connection)
{
    if (redisBufferRead(connection->client) == REDIS_ERR) {
        disconnect(load, connection);
        return;
    }
    for (;;) {
        void *reply = NULL;
        if (redisGetReplyFromReader(connection->client, &reply) == REDIS_ERR) {
            disconnect(load, connection);
            return;
        }
        if (!reply)
            return;
        bool sound = complete(load, connection, reply);
        freeReplyObject(reply);
        if (!sound) {
            disconnect(load, connection);
            return;
        }
    }
}

static void turn(struct load *load)
{
    struct epoll_event events[EVENTS];
    for (uint32_t i = 0; i < load->plan->clients; i++) {
        struct connection *connection = &load->connections[i];
        if (!connection->client && la_now_ns() >= connection->resume_ns && !atomic_load(&load->ledger->head->stop))
            connect_again(load, connection);
        if (connection->client)
            fill(load, connection);
    }
    int count = epoll_wait(load->epoll, events, EVENTS, 1);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->client && (events[i].events & EPOLLOUT))
            flush(load, connection);
        if (connection->client && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            receive(load, connection);
    }
}

static bool drained(const struct load *load)
{
    for (uint32_t i = 0; i < load->plan->clients; i++)
        if (load->connections[i].client && load->connections[i].in_flight)
            return false;
    return true;
}

static void open_load(struct load *load, struct la_ledger *ledger, const struct la_address *address)
{
    const struct la_plan *plan = &ledger->head->plan;
    *load = (struct load){.ledger = ledger, .address = address, .plan = plan};
    load->key_count = la_plan_keys(plan);
    load->value = la_alloc(plan->value_size, 1);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->start_ns = la_now_ns();
    load->connections = la_alloc(plan->clients, sizeof *load->connections);
    for (uint32_t i = 0; i < plan->clients; i++) {
        load->connections[i].number = i;
        load->connections[i].flights = la_alloc(plan->pipeline, sizeof(struct flight));
        load->connections[i].keys = la_alloc(load->key_count, sizeof(struct la_key_state));
    }
}

static void close_load(struct load *load)
{
    for (uint32_t i = 0; i < load->plan->clients; i++) {
        if (load->connections[i].client)
            redisFree(load->connections[i].client);
        free(load->connections[i].flights);
        free(load->connections[i].keys);
    }
    close(load->epoll);
    free(load->connections);
    free(load->value);
}

int la_load_run(struct la_ledger *ledger, const struct la_address *address)
{
    struct load load;
    open_load(&load, ledger, address);
    while (!atomic_load(&ledger->head->stop))
        turn(&load);
    uint64_t deadline = la_now_ns() + DRAIN_NS;
    while (!drained(&load) && la_now_ns() < deadline)
        turn(&load);
    close_load(&load);
    return 0;
}
