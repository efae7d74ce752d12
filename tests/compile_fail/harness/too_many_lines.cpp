// expect: lamina: two: must be three
#ifdef LAMINA_EXPECT_FAILURE
inline constexpr int two = 2;
// What a compiler says besides the error.
#pragma message("one")
#pragma message("two")
#pragma message("three")
#pragma message("four")
#pragma message("five")
#pragma message("six")
#pragma message("seven")
#pragma message("eight")
#else
inline constexpr int two = 3;
#endif
static_assert(two == 3, "lamina: two: must be three");
