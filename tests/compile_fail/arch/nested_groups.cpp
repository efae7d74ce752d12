// expect: lamina: Manifest: an array of layers stands inside an array of layers; give the inner ones a member each
#include <lamina/arch/manifest.hpp>

#include <array>
#include <cstddef>

#include "arch/sample_tree.hpp"

using namespace lamina_tests;

struct Experts {
#ifdef LAMINA_EXPECT_FAILURE
    std::array<SampleNorm, 2> norms{};
#else
    SampleNorm norms{};
#endif

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("norms", norms);
    }
};

struct Tree {
    std::array<Experts, 2> blocks{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("h", blocks);
    }
};

std::size_t parameters() { return lamina::Manifest<Tree>::parameters; }
