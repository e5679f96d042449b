#include "redis/roles.h"

const struct fi_role la_roles[LA_ROLE_COUNT] = {
    {"save-child", "temp-*.rdb"},
    {"rewrite-child", "**temp-rewriteaof-*.aof"},
};

const struct fi_role la_all_roles[LA_ROLE_COUNT + 2] = {
    {"server", ""},
    {"child", ""},
    {"save-child", "temp-*.rdb"},
    {"rewrite-child", "**temp-rewriteaof-*.aof"},
};
