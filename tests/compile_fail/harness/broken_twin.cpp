// expect: lamina: two: must be three
inline constexpr int two = 2;
static_assert(two == 3, "lamina: two: must be three");
