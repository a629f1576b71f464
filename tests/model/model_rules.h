/* Rules that the parts of the model share. */
#ifndef TESTS_MODEL_MODEL_RULES_H
#define TESTS_MODEL_MODEL_RULES_H

#include "proxy/decide/pairing.h"
#include "tests/model/model.h"

bool rules_own_on(const struct model *model, const struct model_message *message);
bool rules_other_on(const struct model *model, const struct model_message *message);
bool rules_prefers_other(const struct model *model, const struct model_message *message);
bool rules_may_cover(const struct model *model, int twin, int own);
bool rules_is_remembered(const struct model *model, int place); /* is within retention */
void rules_find_twins(struct model *model, int place);
void rules_decide(struct model *model, int place, bool arriving);
bool rules_untrim(struct model *model, int place);
void rules_note_refusal(struct model *model, const struct sketch *sketch, int64_t first_ms, bool is_lasting);
unsigned rules_spare(const struct model *model, int place);
bool rules_is_handled(const struct model *model, int place);
void rules_lay_to_rest(struct model *model, int place);
bool rules_give_back(struct model *model, int place);
bool rules_was_delivered(const struct model_message *message);
void rules_become_waiting(struct model *model, int place);
void rules_set_state(struct model *model, int place, enum state state);
void rules_become_handled(struct model *model, int place);
void rules_become_unhandled(struct model *model, int place);

#endif
