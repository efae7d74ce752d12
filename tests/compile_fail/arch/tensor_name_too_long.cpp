// expect: lamina: Manifest: a tensor's name is longer than 56 characters, or a group's than 16; shorten the names
#include <lamina/arch/manifest.hpp>

#include <cstddef>

#include "arch/sample_tree.hpp"

using namespace lamina_tests;

struct Tree {
    SampleNorm norm{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
#ifdef LAMINA_EXPECT_FAILURE
        visitor("the_normalisation_that_stands_before_the_attention_layer", norm);
#else
        visitor("the_normalisation_before_attention", norm);
#endif
    }
};

std::size_t parameters() { return lamina::Manifest<Tree>::parameters; }
