/* Rows of a schema for libcyaml, one a key: LA_TEXT("key", LA_OPTIONAL, struct owner, member). */
#ifndef LASTACK_SCENARIO_FIELDS_H
#define LASTACK_SCENARIO_FIELDS_H

#include <cyaml/cyaml.h>

#define LA_REQUIRED                       CYAML_FLAG_POINTER
#define LA_OPTIONAL                       (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define LA_TEXT(key, flags, type, member) CYAML_FIELD_STRING_PTR(key, flags, type, member, 0, CYAML_UNLIMITED)
/* A number that may be left out is 0 then; one that is needed; one whose 0 means something, by pointer. */
#define LA_NUMBER(key, type, member) CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, type, member)
#define LA_NEEDED(key, type, member) CYAML_FIELD_UINT(key, CYAML_FLAG_DEFAULT, type, member)
#define LA_BOUND(key, type, member)  CYAML_FIELD_UINT_PTR(key, LA_OPTIONAL, type, member)
#define LA_FLAG(key, type, member)   CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, type, member)
#define LA_CHOICE(key, flags, type, member, names)                                                                     \
    CYAML_FIELD_ENUM(key, (flags) | CYAML_FLAG_STRICT, type, member, names, sizeof(names) / sizeof *(names))
#define LA_MAPPING(key, flags, type, member, fields) CYAML_FIELD_MAPPING_PTR(key, flags, type, member, fields)
#define LA_LIST(key, flags, type, member, count, entry, most)                                                          \
    CYAML_FIELD_SEQUENCE_COUNT(key, flags, type, member, count, entry, 1, most)
#define LA_END CYAML_FIELD_END

#endif
