// expect: lamina: Parameter: a parameter has one or two dimensions; fold the others into these
#include <lamina/arch/parameter.hpp>

struct Stored {
    using Gradient = float;
    template <lamina::Role>
    using StoredAs = float;
    static constexpr bool trains(lamina::Role) { return true; }
};
#ifdef LAMINA_EXPECT_FAILURE
lamina::Parameter<Stored, lamina::Role::weight, 3, 3, 64> filter;
#else
lamina::Parameter<Stored, lamina::Role::weight, 9, 64> filter;
#endif
