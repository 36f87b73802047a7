#include "jam_controls_text.h"

void jam_controls_put_stems(jam_text *text, const jam_controls *controls)
{
    jam_text_key(text, "stems");
    jam_text_open(text, '{');
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        jam_text_key(text, jam_stem_name((jam_stem)i));
        jam_text_open(text, '{');
        jam_text_put_f64(text, "gain_db", controls->stems[i].gain_db);
        jam_text_put_bool(text, "mute", controls->stems[i].mute);
        jam_text_put_bool(text, "solo", controls->stems[i].solo);
        jam_text_close(text, '}');
    }
    jam_text_close(text, '}');
}

const char *jam_controls_key_name(int key, char ret[JAM_CHOICE_SIZE])
{
    for (int i = 0; jam_field_choice_name(JAM_FIELD_KEY, i, ret)[0] != '\0'; i++) {
        if (jam_key_of_choice(i) == key) {
            return ret;
        }
    }
    return "auto";
}
