#include "scenario/yaml_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 32 };

static int not_yaml(const char *path, const yaml_parser_t *parser, struct la_error *error)
{
    return la_fail(error, "%s:%zu: %s%s%s", path, parser->problem_mark.line + 1,
                   parser->problem ? parser->problem : "not YAML", parser->context ? " " : "",
                   parser->context ? parser->context : "");
}

/* What one event changes in the depth. */
static int step_of(yaml_event_type_t type)
{
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
        return 1;
    return type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT ? -1 : 0;
}

/* One document, and no deeper than any scenario is: what is read afterwards goes down by recursion. */
static int check_shape(const char *path, const char *text, size_t length, struct la_error *error)
{
    yaml_parser_t parser;
    yaml_event_t event = {.type = YAML_NO_EVENT};
    int depth = 0;
    int documents = 0;
    int result = 0;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    for (bool end = false; !result && !end;) {
        if (!yaml_parser_parse(&parser, &event)) {
            result = not_yaml(path, &parser, error);
            break;
        }
        size_t line = event.start_mark.line + 1;
        bool alias = event.type == YAML_ALIAS_EVENT; /* a few of them can stand for more than there is memory */
        depth += step_of(event.type);
        documents += event.type == YAML_DOCUMENT_START_EVENT;
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (depth > DEPTH_MAX)
            result = la_fail(error, "%s:%zu: nested deeper than %d", path, line, DEPTH_MAX);
        if (alias)
            result = la_fail(error, "%s:%zu: an alias (*name): write out what it stands for", path, line);
        if (documents > 1)
            result = la_fail(error, "%s:%zu: a second document (---): one file, one scenario", path, line);
    }
    yaml_parser_delete(&parser);
    return result;
}

static int load_document(const char *path, yaml_document_t *document, struct la_error *error)
{
    size_t length = 0;
    char *text = la_read_file(path, FILE_MAX, &length, error);
    yaml_parser_t parser;
    if (!text || check_shape(path, text, length, error)) {
        free(text);
        return -1;
    }
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    int ok = yaml_parser_load(&parser, document);
    if (!ok)
        not_yaml(path, &parser, error);
    yaml_parser_delete(&parser);
    free(text);
    return ok ? 0 : -1;
}

struct walk {
    const char *path;
    yaml_document_t *document;
    struct la_error *error;
};

static int check_value(struct walk *walk, yaml_node_t *node, const cyaml_schema_value_t *schema);

static const char *scalar(yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static int unknown_key(struct walk *walk, yaml_node_t *key, const cyaml_schema_field_t *fields)
{
    char known[512] = "";
    for (; fields->key; fields++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", fields->key);
    }
    return la_fail(walk->error, "%s:%zu: unknown key '%s'; expected one of: %s", walk->path, key->start_mark.line + 1,
                   scalar(key), known);
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
    while (fields->key && strcmp(fields->key, key) != 0)
        fields++;
    return fields->key ? fields : NULL;
}

/* The first one of that name in a mapping; NULL: there is none. */
static yaml_node_t *key_at(struct walk *walk, yaml_node_t *node, const char *name)
{
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(walk->document, pair->key);
        if (!strcmp(scalar(key), name))
            return key;
    }
    return NULL;
}

static int check_mapping(struct walk *walk, yaml_node_t *node, const cyaml_schema_field_t *fields)
{
    if (node->type != YAML_MAPPING_NODE)
        return la_fail(walk->error, "%s:%zu: expected a mapping (key: value)", walk->path, node->start_mark.line + 1);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(walk->document, pair->key);
        const cyaml_schema_field_t *field = find_field(fields, scalar(key));
        if (!field)
            return unknown_key(walk, key, fields);
        if (key_at(walk, node, scalar(key)) != key)
            return la_fail(walk->error, "%s:%zu: '%s' is there twice", walk->path, key->start_mark.line + 1,
                           scalar(key));
        if (check_value(walk, yaml_document_get_node(walk->document, pair->value), &field->value))
            return -1;
    }
    for (; fields->key; fields++)
        if (!(fields->value.flags & CYAML_FLAG_OPTIONAL) && !key_at(walk, node, fields->key))
            return la_fail(walk->error, "%s:%zu: '%s' is missing", walk->path, node->start_mark.line + 1, fields->key);
    return 0;
}

/* A number that may be left out, and is not there by pointer, is 0 when it is: so a 0 that is written would be lost. */
static int check_number(struct walk *walk, yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    const char *text = scalar(node);
    size_t line = node->start_mark.line + 1;
    bool zero = !strcmp(text, "0");
    if (!*text || strspn(text, "0123456789") != strlen(text) || (*text == '0' && !zero))
        return la_fail(walk->error, "%s:%zu: expected a whole number, found '%.40s'", walk->path, line, text);
    if (strlen(text) > 9)
        return la_fail(walk->error, "%s:%zu: %.40s is out of range: 0 to 999999999", walk->path, line, text);
    if (zero && (schema->flags & CYAML_FLAG_OPTIONAL) && !(schema->flags & CYAML_FLAG_POINTER))
        return la_fail(walk->error, "%s:%zu: 0 is not a value here; leave the key out for its default", walk->path,
                       line);
    return 0;
}

static int check_value(struct walk *walk, yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    size_t line = node->start_mark.line + 1;
    switch (schema->type) {
    case CYAML_MAPPING: return check_mapping(walk, node, schema->mapping.fields);
    case CYAML_SEQUENCE:
        if (node->type != YAML_SEQUENCE_NODE)
            return la_fail(walk->error, "%s:%zu: expected a list (- item)", walk->path, line);
        if (node->data.sequence.items.top - node->data.sequence.items.start < (long)schema->sequence.min)
            return la_fail(walk->error, "%s:%zu: the list is empty", walk->path, line);
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
            if (check_value(walk, yaml_document_get_node(walk->document, *item), schema->sequence.entry))
                return -1;
        return 0;
    case CYAML_UINT: return check_number(walk, node, schema);
    case CYAML_BOOL:
        if (!strcmp(scalar(node), "true") || !strcmp(scalar(node), "false"))
            return 0;
        return la_fail(walk->error, "%s:%zu: expected true or false, found '%s'", walk->path, line, scalar(node));
    case CYAML_ENUM: {
        char known[256] = "";
        for (uint32_t i = 0; i < schema->enumeration.count; i++) {
            const char *name = schema->enumeration.strings[i].str;
            if (!strcmp(scalar(node), name))
                return 0;
            size_t used = strlen(known);
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name);
        }
        return la_fail(walk->error, "%s:%zu: expected one of %s, found '%s'", walk->path, line, known, scalar(node));
    }
    case CYAML_STRING:
        if (node->type == YAML_SCALAR_NODE)
            return 0;
        return la_fail(walk->error, "%s:%zu: expected text", walk->path, line);
    case CYAML_INT:
    case CYAML_FLAGS:
    case CYAML_FLOAT:
    case CYAML_BITFIELD:
    case CYAML_SEQUENCE_FIXED:
    case CYAML_IGNORE:
    case CYAML__TYPE_COUNT: break;
    }
    abort(); /* a type that no schema of ours has: whoever adds it says here what it must look like */
}

int la_yaml_check_keys(const char *path, const cyaml_schema_value_t *schema, struct la_error *error)
{
    yaml_document_t document;
    if (load_document(path, &document, error))
        return -1;
    struct walk walk = {path, &document, error};
    yaml_node_t *root = yaml_document_get_root_node(&document);
    int result = root ? check_value(&walk, root, schema) : la_fail(error, "%s:1: the file is empty", path);
    yaml_document_delete(&document);
    return result;
}

static int line_in(yaml_document_t *document, const char *key, int index)
{
    yaml_node_t *root = yaml_document_get_root_node(document);
    if (!root || root->type != YAML_MAPPING_NODE)
        return 1;
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(document, pair->key);
        yaml_node_t *value = yaml_document_get_node(document, pair->value);
        if (strcmp(scalar(name), key) != 0)
            continue;
        if (index < 0 || value->type != YAML_SEQUENCE_NODE ||
            index >= value->data.sequence.items.top - value->data.sequence.items.start)
            return (int)name->start_mark.line + 1;
        yaml_node_t *item = yaml_document_get_node(document, value->data.sequence.items.start[index]);
        return (int)item->start_mark.line + 1;
    }
    return 1;
}

int la_yaml_item_line(const char *path, int index)
{
    struct la_error ignored;
    yaml_document_t document;
    if (load_document(path, &document, &ignored))
        return 1;
    yaml_node_t *root = yaml_document_get_root_node(&document);
    bool there = root && root->type == YAML_SEQUENCE_NODE &&
                 index < root->data.sequence.items.top - root->data.sequence.items.start;
    yaml_node_t *item = there ? yaml_document_get_node(&document, root->data.sequence.items.start[index]) : NULL;
    int line = item ? (int)item->start_mark.line + 1 : 1;
    yaml_document_delete(&document);
    return line;
}

int la_yaml_line(const char *path, const char *key, int index)
{
    struct la_error ignored;
    yaml_document_t document;
    if (load_document(path, &document, &ignored))
        return 1;
    int line = line_in(&document, key, index);
    yaml_document_delete(&document);
    return line;
}
