/* Parameterized tests stand in criterion.h here. */
#include <criterion/criterion.h>
