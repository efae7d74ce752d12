// SPDX-License-Identifier: MIT
#include <lamina/nn/run/replay_key.hpp>

#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace lamina;

namespace {

enum class Colour { red, green };

template <class... Values>
std::vector<std::uint64_t> words_of(Values... values) {
    ReplayKey key;
    key.add(values...);
    const auto words = key.words(PassPart::forward);
    return {words.begin() + 1, words.end()};
}

}  // namespace

TEST_CASE("a key has a word for each value, in order", "[nn]") {
    CHECK(words_of(3U, true, Colour::green, -1) == std::vector<std::uint64_t>{3, 1, 1, ~std::uint64_t{0}});
    const int place = 0;
    CHECK(words_of(&place) == words_of(reinterpret_cast<std::uintptr_t>(&place)));
    CHECK(words_of(1.0, 1.0F) == std::vector<std::uint64_t>{0x3FF0'0000'0000'0000, 0x3FF0'0000'0000'0000});
}

TEST_CASE("numbers that differ in their last bit, or in the sign of zero, are different words", "[nn]") {
    CHECK(words_of(1.0) != words_of(1 + 0x1p-52));
    CHECK(words_of(0.0) != words_of(-0.0));
}

TEST_CASE("the parts of a pass differ in the first word only", "[nn]") {
    ReplayKey key;
    key.add(1, 2);
    const auto of = [&](PassPart part) {
        const auto words = key.words(part);
        return std::vector<std::uint64_t>(words.begin(), words.end());
    };
    std::vector<std::uint64_t> forward = of(PassPart::forward);
    const std::vector<std::uint64_t> backward = of(PassPart::backward);
    CHECK((forward.size() == 3 && forward[0] != backward[0]));
    forward[0] = backward[0];
    CHECK(forward == backward);
}

TEST_CASE("a key that was forbidden is allowed again when it begins anew", "[nn]") {
    ReplayKey key;
    key.add(1);
    CHECK(key.repeatable());
    key.forbid();
    CHECK_FALSE(key.repeatable());
    key.clear();
    CHECK((key.repeatable() && key.words(PassPart::forward).size() == 1));
}
