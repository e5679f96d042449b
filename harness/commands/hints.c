#include "commands/hints.h"

#include <string.h>
#include <strings.h>

/* By argument name, whatever the command. */
static const struct hint {
    const char *command; /* NULL: any */
    const char *argument;
    const char *template;
} hints[] = {
    /* one command's own come first */
    {"bitfield", "offset", "{0..40}|#{0..4}"},
    {"bitfield", "value", "{0..200}"},
    {"bitop", "operation", "AND|OR|XOR"},
    {"geosearchstore", "member", "m0"},
    {"georadiusbymember", "member", "m0"},
    {"lset", "index", "{0..2}"},
    {"ltrim", "start", "{0..2}"},
    {"ltrim", "stop", "-{1..2}"},
    {"restore", "key", "w:restored:{unique}"},
    {"restore", "serialized-value", "{dump}"},
    {"restore", "ttl", "0"},
    {"setbit", "value", "{0..1}"},
    {"xadd", "id", "{next}"},
    {"xautoclaim", "start", "0-0"},
    {"xgroup|create", "group", "g{1..5}"},
    {"xgroup|create", "groupname", "g{1..5}"},
    {"xgroup|create", "id", "0|$"},
    {"xgroup|setid", "id", "0|{id}"},
    {"xreadgroup", "id", ">"},
    {"xsetid", "last-id", "{next}"},
    {"xtrim", "threshold", "{1..9}"},
    {"zrangestore", "min", "0"},
    {"zrangestore", "max", "-1"},
    {"zremrangebyrank", "start", "{0..1}"},
    {"zremrangebyrank", "stop", "{1..2}"},
    {"zremrangebyscore", "min", "-inf"},
    {"zremrangebyscore", "max", "({1..3}"},
    {NULL, "bit", "{0..1}"},
    {NULL, "consumer", "c{0..2}"},
    {NULL, "consumername", "c{0..2}"},
    {NULL, "count", "{1..3}"},
    {NULL, "element", "m{0..7}"},
    {NULL, "encoding", "u8|i16|u3"},
    {NULL, "entries-added", "{50..99}"},
    {NULL, "entries_added", "{50..99}"},
    {NULL, "entries-read", "{0..3}"},
    {NULL, "entries_read", "{0..3}"},
    {NULL, "field", "f{0..7}"},
    {NULL, "frequency", "{1..200}"},
    {NULL, "group", "g0"},
    {NULL, "groupname", "g0"},
    {NULL, "height", "{1..9000}"},
    {NULL, "id", "{id}"},
    {NULL, "increment", "{1..9}|-{1..9}"},
    {NULL, "index", "{0..3}|-{1..3}"},
    {NULL, "last-id", "{next}"},
    {NULL, "lastid", "{next}"},
    {NULL, "latitude", "{0..80}.{1..99}"},
    {NULL, "longitude", "{0..170}.{1..99}"},
    {NULL, "max-deleted-entry-id", "0-0"},
    {NULL, "max_deleted_entry_id", "0-0"},
    {NULL, "member", "m{0..7}"},
    {NULL, "milliseconds", "{laterms}"},
    {NULL, "min-idle-time", "0"},
    {NULL, "offset", "{0..40}"},
    {NULL, "pivot", "m{0..4}"},
    {NULL, "radius", "{100..9000}"},
    {NULL, "score", "{0..9}|-{1..9}|{1..9}.5"},
    {NULL, "seconds", "{later}"},
    {NULL, "timeout", "0.001"},
    {NULL, "unix-time-milliseconds", "{atms}"},
    {NULL, "unix-time-seconds", "{at}"},
    {NULL, "value", "v{0..9}|{0..99}"},
    {NULL, "weight", "{1..3}|-{1..3}"},
    {NULL, "width", "{1..9000}"},
};

const char *la_hint_argument(const char *command, const char *argument)
{
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (!strcmp(hints[i].argument, argument) && (!hints[i].command || !strcasecmp(hints[i].command, command)))
            return hints[i].template;
    return NULL;
}

/* Pairs: of groups, and of commands whose group says something else. */
static const char *const kinds[][2] = {
    {"bitop", "str"},  {"getdel", "str"},    {"incr", "int"},        {"decr", "int"},
    {"incrby", "int"}, {"decrby", "int"},    {"incrbyfloat", "int"}, {"geoadd", "geo"},
    {"sort", "list"},  {"string", "str"},    {"bitmap", "str"},      {"list", "list"},
    {"set", "set"},    {"zset", "zset"},     {"sorted-set", "zset"}, {"sorted_set", "zset"},
    {"hash", "hash"},  {"stream", "stream"}, {"hyperloglog", "hll"}, {"geo", "geo"},
};

const char *la_hint_kind(const char *command, const char *group)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(kinds[i][0], command) && strcmp(command, "set") != 0)
            return kinds[i][1];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(kinds[i][0], group))
            return kinds[i][1];
    return "any";
}

bool la_hint_omits(const char *command, const char *token)
{
    static const char *const omitted[][2] = {
        {"copy", "DB"},       /* it would land among the keys of the recipes */
        {"bitfield", "FAIL"}, /* one that fails has lengthened the string, and Redis since 7.0 does not pass that on */
        {"georadius", "WITHDIST"}, /* these exclude STORE */
        {"georadius", "WITHCOORD"},
        {"georadius", "WITHHASH"},
        {"sort", "BY"}, /* and so the order of a set, which every server has of its own */
        {"sort", "GET"},
        {"xadd", "~"}, /* how much is trimmed by about is a server's own affair */
        {"xtrim", "~"},
        {"zrangestore", "BYLEX"}, /* only in a recipe, see there */
        {"xclaim", "TIME"},
        {"xclaim", "IDLE"},
        {"xreadgroup", "BLOCK"},
        {"restore", "ABSTTL"},
    };
    for (size_t i = 0; i < sizeof omitted / sizeof *omitted; i++)
        if (!strcasecmp(omitted[i][0], command) && !strcasecmp(omitted[i][1], token))
            return true;
    return false;
}

const struct la_fill la_fills[] = {
    {"str", "SET {self} v{0..9}", "SETRANGE {self} 5000 end", NULL},
    {"int", "SET {self} {0..50}", "SET {self} {1000000..9000000}000000", NULL},
    {"list", "RPUSH {self} m0 m1 m2 m3 m4 m{0..7}", "RPUSH {self} REPEAT", "m{0..7}a-rather-long-element-{unique}"},
    {"set", "SADD {self} m0 m1 m2 m3 m4 m{0..7}", "SADD {self} m0 m1 REPEAT", "{0..999999}"},
    {"zset", "ZADD {self} 0 m0 1 m1 2 m2 2.5 m3 {0..9} m4", "ZADD {self} 0 m0 1 m1 REPEAT", "{0..99} z{unique}"},
    {"hash", "HSET {self} f0 0 f1 1 f2 2 f3 x f4 {0..9}", "HSET {self} f0 0 f1 1 REPEAT", "g{unique} {0..999}"},
    {"stream", "XADD {self} {next} f v\nXGROUP CREATE {self} g0 0\nXADD {self} {next} f v g w\nXADD {self} {next} f x",
     "XADD {self} {next} REPEAT\nXGROUP CREATE {self} g0 0\nXADD {self} {next} f v\nXREADGROUP GROUP g0 c0 COUNT 1 "
     "STREAMS "
     "{self} >",
     "f{unique} {0..999}"},
    {"hll", "PFADD {self} a b e{unique}", "PFADD {self} REPEAT", "e{unique}"},
    {"geo", "GEOADD {self} 13.3 38.1 m0 15.0 37.5 m1", "GEOADD {self} 13.3 38.1 m0 15.0 37.5 m1 REPEAT",
     "{0..170}.{1..99} {0..80}.{1..99} p{unique}"},
    {NULL, NULL, NULL, NULL},
};

#define SCRIPT "\"redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[1]) return redis.call('HINCRBY', KEYS[2], 'n', 2)\""

#define SHA      "68014bf0cbd405594c3f62158602855af28788cb"
#define LIBRARY  "FUNCTION LOAD REPLACE \"#!lua name=w_{unique}\\nredis.register_function('w_{same}', "
#define LIBRARY2 "function(k, a) return redis.call('SADD', k[1], a[1], 'b') end)\""

const struct la_recipe la_recipes[] = {
    {"flushall", 0, false, true, true, "SET w:flushed:{unique} 1\nFLUSHALL"},
    {"flushdb", 9, false, false, true, "SET w:flushed:{unique} 1\nFLUSHDB"},
    {"swapdb", 10, false, false, true, "SET w:swapped:{unique} 1\nSWAPDB 10 11"},
    {"move", 12, false, false, true, "RPUSH w:moved:{unique} a b\nMOVE w:moved:{same} 13"},
    {"pfdebug", 0, false, false, true, "PFADD w:dense:{unique} a b\nPFDEBUG TODENSE w:dense:{same}"},
    {"pfcount", 0, false, false, false,
     "PFADD w:counted:{unique} a b\nPFADD w:counted:{same} c\nPFCOUNT w:counted:{same}"},
    {"function|load", 0, false, false, true, LIBRARY LIBRARY2},
    {"function|delete", 0, false, false, true, LIBRARY LIBRARY2 "\nFUNCTION DELETE w_{same}"},
    {"function|flush", 0, false, false, true, LIBRARY LIBRARY2 "\nFUNCTION FLUSH"},
    {"function|restore", 0, false, false, true, "FUNCTION FLUSH\nFUNCTION RESTORE {functions}"},
    {"fcall", 0, false, false, true, LIBRARY LIBRARY2 "\nFCALL w_{same} 1 {set} x{unique}"},
    {"eval", 0, false, false, true, "EVAL " SCRIPT " 2 {list} {hash} e{unique}"},
    /* the script that EVALSHA calls must be known */
    {"eval", 0, false, true, false, "EVAL \"return redis.call('APPEND', KEYS[1], ARGV[1])\" 1 {str} x"},
    {"evalsha", 0, false, false, true, "EVALSHA " SHA " 1 {str} x"},
    {"exec", 0, true, false, true, "SET {str} {unique}\nRPUSH {list} m{0..7}\nSADD {set} m{same}\nHDEL {hash} f{0..4}"},
    {"restore", 0, false, false, false, "RESTORE w:restored:{unique} {laterms} {dump}"},
    {"restore-asking", 0, false, false, true, "RESTORE-ASKING w:restored:{unique} 0 {dump}"},
    {"setnx", 0, false, false, false, "SETNX w:new:{unique} v"},
    {"hexpire", 0, false, false, false, "HSET w:hex:{unique} a 1 b 2\nHEXPIRE w:hex:{same} {later} FIELDS 1 a"},
    {"hpexpire", 0, false, false, false, "HSET w:hpex:{unique} a 1 b 2\nHPEXPIRE w:hpex:{same} {laterms} FIELDS 1 a"},
    {"hexpireat", 0, false, false, false, "HSET w:hexat:{unique} a 1 b 2\nHEXPIREAT w:hexat:{same} {at} FIELDS 1 a"},
    {"hpexpireat", 0, false, false, false,
     "HSET w:hpexat:{unique} a 1 b 2\nHPEXPIREAT w:hpexat:{same} {atms} FIELDS 1 a"},
    {"hpersist", 0, false, false, false,
     "HSET w:kept:{unique} a 1 b 2\nHPEXPIRE w:kept:{same} {laterms} FIELDS 2 a b\nHPERSIST w:kept:{same} FIELDS 1 a"},
    {"sort", 0, false, false, false, "SORT {list} ALPHA DESC STORE {list}"},
    {"georadius", 0, false, false, false, "GEORADIUS {geo} 15 37 900 km STORE {zset}"},
    {"georadius", 0, false, false, false, "GEORADIUS {geo} 15 37 900 km STOREDIST w:distance:{unique}"},
    {"georadiusbymember", 0, false, false, false, "GEORADIUSBYMEMBER {geo} m0 900 km STORE {zset}"},
    {"geosearchstore", 0, false, false, false,
     "GEOSEARCHSTORE w:found:{unique} {geo} FROMLONLAT 15 37 BYBOX 900 900 km"},
    {"zrangestore", 0, false, false, false, "ZRANGESTORE {zset} {zset} -inf 5 BYSCORE"},
    /* by name only where all scores are the same: else it depends on how a server happens to have built its index */
    {"zrangestore", 0, false, false, false,
     "ZADD w:lex:{unique} 1 a 1 b 1 c 1 d\nZRANGESTORE w:lex:to:{same} w:lex:{same} [b (d BYLEX"},
    {"zremrangebylex", 0, false, false, true, "ZADD w:lex:{unique} 1 a 1 b 1 c 1 d\nZREMRANGEBYLEX w:lex:{same} [b (d"},
    {"xreadgroup", 0, false, false, true, "XREADGROUP GROUP g0 c{0..2} COUNT 1 STREAMS {stream} >"},
    {"xack", 0, false, false, false,
     "XADD w:acked:{unique} {next} f v\nXGROUP CREATE w:acked:{same} g0 0\nXREADGROUP GROUP g0 c0 STREAMS "
     "w:acked:{same} >\n"
     "XACK w:acked:{same} g0 {id}"},
    {"xclaim", 0, false, false, false,
     "XADD w:claimed:{unique} {next} f v\nXGROUP CREATE w:claimed:{same} g0 0\n"
     "XREADGROUP GROUP g0 c0 STREAMS w:claimed:{same} >\nXCLAIM w:claimed:{same} g0 c1 0 {id}"},
    {"xautoclaim", 0, false, false, false,
     "XADD w:auto:{unique} {next} f v\nXGROUP CREATE w:auto:{same} g0 0\nXREADGROUP GROUP g0 c0 STREAMS w:auto:{same} "
     ">\n"
     "XAUTOCLAIM w:auto:{same} g0 c1 0 0-0"},
    /* a message that is deleted while it is pending */
    {"xdel", 0, false, false, false,
     "XADD w:pending:{unique} {next} f v\nXGROUP CREATE w:pending:{same} g0 0\n"
     "XREADGROUP GROUP g0 c0 STREAMS w:pending:{same} >\nXDEL w:pending:{same} {id}"},
    {"xadd", 0, false, false, false, "XADD {stream} * f v{unique}"},
    {"xadd", 0, false, false, false, "XADD w:trimmed:{0..9} MAXLEN 5 {next} f v"},
    {"xgroup|destroy", 0, false, false, false, "XGROUP CREATE {stream} g9 $\nXGROUP DESTROY {stream} g9"},
    {"xgroup|createconsumer", 0, false, false, false, "XGROUP CREATECONSUMER {stream} g0 d{unique}"},
    {"xgroup|delconsumer", 0, false, false, false,
     "XADD w:left:{unique} {next} f v\nXGROUP CREATE w:left:{same} g0 0\nXREADGROUP GROUP g0 c0 STREAMS w:left:{same} "
     ">\n"
     "XGROUP DELCONSUMER w:left:{same} g0 c0"},
    {"xsetid", 0, false, false, false, "XADD w:set-id:{unique} {next} f v\nXSETID w:set-id:{same} {next}"},
    {"spop", 0, false, false, false, "SADD w:popped:{unique} a b c d e f g h\nSPOP w:popped:{same} 3"},
    {"spop", 0, false, false, false, "SADD w:popped:{unique} 1 2 3 4 5 6 7 8\nSPOP w:popped:{same}"},
    {"renamenx", 0, false, false, false, "SET w:old:{unique} v\nRENAMENX w:old:{same} w:new:{same}"},
    {"msetnx", 0, false, false, false, "MSETNX w:both:{unique} v w:both:too:{same} w"},
    {"copy", 0, false, false, false, "RPUSH w:first:{unique} a b\nCOPY w:first:{same} w:second:{same}"},
    /* a deadline that is taken off, and one that is put in another's place */
    {"persist", 0, false, false, false, "SET w:lasting:{unique} v EX {later}\nPERSIST w:lasting:{same}"},
    {"getex", 0, false, false, false, "SET w:lasting:{unique} v EX {later}\nGETEX w:lasting:{same} PERSIST"},
    {"set", 0, false, false, false, "SET w:kept:{unique} v EX {later}\nSET w:kept:{same} w KEEPTTL"},
    {"pexpire", 0, false, false, false, "SET w:replaced:{unique} v PX {laterms}\nPEXPIRE w:replaced:{same} {laterms}"},
    {NULL, 0, false, false, false, NULL},
};
