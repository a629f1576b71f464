/* The body is written as text and parsed, so that it is what a sender could have sent. Paths that begin alike share an
 * object; a path into a list makes a list of one element. */
#include "proxy/decide/made_up.h"

struct plant {
    struct str steps[PATH_STEP_MAX];
    size_t step_count;
    size_t list_step; /* the step whose value is a list; SIZE_MAX: none */
    struct str text;
    bool is_done;
};

struct plants {
    struct plant at[VARIABLE_MAX];
    size_t count;
};

struct str made_up_captured(void) {
    return STR("captured");
}

/* Of mapped variables the `number`th combination; false: there are no more. */
static bool choose(const struct catalog_type *type, size_t number, size_t chosen[VARIABLE_MAX]) {
    for (size_t i = 0; i < type->variable_count + type->item_variable_count; i++) {
        const struct variable *variable = &type->variables[i];
        size_t choices = variable->kind == VARIABLE_READ && variable->map != NULL ? variable->map->pair_count : 1;
        chosen[i] = choices == 0 ? 0 : number % choices;
        number = choices == 0 ? number : number / choices;
    }
    return number == 0;
}

static struct str value_of(const struct variable *variable, size_t position, size_t chosen, struct arena *arena) {
    if (variable->map != NULL && variable->map->pair_count > 0)
        return variable->map->pairs[chosen].from;
    return arena_printf(arena, "made-up-%zu", position);
}

static void add_plant(struct plants *plants, const struct path *list, const struct path *path, struct str text) {
    if (path->place != PATH_BODY || plants->count == VARIABLE_MAX)
        return;
    struct plant plant = {.list_step = SIZE_MAX, .text = text};
    size_t before = list == NULL ? 0 : list->each;
    if (before + path->step_count > PATH_STEP_MAX)
        return;
    for (size_t i = 0; i < before; i++)
        plant.steps[plant.step_count++] = list->steps[i];
    for (size_t i = 0; i < path->step_count; i++)
        plant.steps[plant.step_count++] = path->steps[i];
    if (list != NULL)
        plant.list_step = before - 1;
    else if (path->has_list)
        plant.list_step = path->each - 1;
    if (plant.step_count > 0)
        plants->at[plants->count++] = plant;
}

static bool shares_steps(const struct plant *plant, const struct plant *first, size_t depth) {
    for (size_t i = 0; i < depth; i++)
        if (i >= plant->step_count || !str_eq_nocase(plant->steps[i], first->steps[i]))
            return false;
    return plant->step_count > depth;
}

/* Writes the members that share the first `depth` steps of `first`. */
static void write_level(struct json_writer *json, struct plants *plants, const struct plant *first, size_t depth) {
    json_object_begin(json);
    for (size_t i = 0; i < plants->count; i++) {
        struct plant *plant = &plants->at[i];
        if (plant->is_done || !shares_steps(plant, first, depth))
            continue;
        bool is_list = plant->list_step == depth;
        json_key_str(json, plant->steps[depth]);
        if (is_list)
            json_array_begin(json);
        if (plant->step_count > depth + 1)
            write_level(json, plants, plant, depth + 1);
        else
            json_str(json, plant->text);
        if (is_list)
            json_array_end(json);
        for (size_t k = i; k < plants->count; k++)
            if (shares_steps(&plants->at[k], plant, depth + 1) || shares_steps(plant, &plants->at[k], depth + 1) ||
                (plants->at[k].step_count == depth + 1 && shares_steps(&plants->at[k], plant, depth) &&
                 str_eq_nocase(plants->at[k].steps[depth], plant->steps[depth])))
                plants->at[k].is_done = true;
    }
    json_object_end(json);
}

const struct json *made_up_body(const struct catalog_type *type, size_t number, struct arena *arena) {
    const struct json_limits limits = {.depth = 2 * PATH_STEP_MAX, .values = 1000};
    size_t chosen[VARIABLE_MAX] = {0};
    struct plants plants = {.count = 0};
    struct strbuf text = {0};
    struct json_writer json;
    struct json *root = NULL;
    bool is_list_alone = type->items.has_list && type->items.each == 0; /* such bodies are no objects */
    if (is_list_alone || number >= MADE_UP_MAX || !choose(type, number, chosen))
        return NULL;
    for (size_t i = 0; i < type->variable_count + type->item_variable_count; i++) {
        const struct variable *variable = &type->variables[i];
        const struct path *list = i >= type->variable_count && type->items.each > 0 ? &type->items : NULL;
        if (variable->kind == VARIABLE_READ && variable->path_count > 0)
            add_plant(&plants, list, &variable->paths[0], value_of(variable, i, chosen[i], arena));
    }
    json_begin(&json, &text);
    write_level(&json, &plants, &(struct plant){0}, 0);
    enum err err = json_parse(arena, arena_str(arena, strbuf_str(&text)), &limits, &root, NULL);
    strbuf_clear(&text);
    return err == ERR_NONE ? root : NULL;
}
