// SPDX-License-Identifier: MIT
#include <lamina/nn/run/once_per_step.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// A backend that is told who did what.
struct Log {
    std::vector<std::string> lines;
};

/// A layer with work of the kinds that are asked for.
template <char Name, bool Materialises, bool Completes, bool Streams>
struct Worker {
    static constexpr bool streams_adapter_gradients = Streams;
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    void materialise(Log& log) requires Materialises { log.lines.push_back(std::string("materialise ") + Name); }
    void complete_gradients(Log& log) requires Completes { log.lines.push_back(std::string("complete ") + Name); }
    void form_adapter_gradients(Log& log) { log.lines.push_back(std::string("form ") + Name); }
};

struct Silent {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};

struct Tree {
    Silent silent{};
    Worker<'a', true, false, false> a{};
    std::array<Worker<'b', true, true, true>, 2> both{};
    Worker<'c', false, true, false> c{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("silent", silent);
        visitor("a", a);
        visitor("both", both);
        visitor("c", c);
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("work that is done once per step is done by the layers that have some, in order", "[nn]") {
    Tree tree;
    Log log;
    materialise_all(tree, log);
    CHECK(log.lines == Lines{"materialise a", "materialise b", "materialise b"});
    log.lines.clear();
    complete_all_gradients(tree, log);
    CHECK(log.lines == Lines{"complete b", "complete b", "complete c"});
    log.lines.clear();
    for_each_streaming(tree, [&](auto& layer) { layer.form_adapter_gradients(log); });
    CHECK(log.lines == Lines{"form b", "form b"});
}

TEST_CASE("layers without such work are not looked at", "[nn]") {
    Silent silent;
    Log log;
    materialise_all(silent, log);
    complete_all_gradients(silent, log);
    CHECK(log.lines.empty());
}
