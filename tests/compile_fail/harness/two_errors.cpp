// expect: lamina: two: must be three
#ifdef LAMINA_EXPECT_FAILURE
inline constexpr int two = 2;
#else
inline constexpr int two = 3;
#endif
static_assert(two == 3, "lamina: two: must be three");
static_assert(two == 3, "the same mistake, told twice");
