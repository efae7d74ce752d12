// expect: lamina: two: must be three
inline constexpr int two = 3;
static_assert(two == 3, "lamina: two: must be three");
