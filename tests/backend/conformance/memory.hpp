// SPDX-License-Identifier: MIT
// Conformance of a backend's memory: allocate, upload, download, fill, convert.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

[[nodiscard]] inline bool all_zero(const std::vector<unsigned char>& content) {
    return std::all_of(content.begin(), content.end(), [](unsigned char byte) { return byte == 0; });
}

TEMPLATE_TEST_CASE("allocated memory is zeroed and aligned to 64 bytes", "[conformance][memory]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    for (const std::size_t bytes : {1U, 63U, 64U, 65U, 5'000'003U}) {
        CAPTURE(bytes);
        auto memory = backend.allocate(bytes);
        CHECK(memory.size() >= bytes);
        CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % 64 == 0);
        std::vector<unsigned char> content(bytes, 1);
        backend.download(content.data(), memory.data(), bytes);
        CHECK(all_zero(content));

        // A second allocation may get the first one's memory back, and must be zero again.
        backend.upload(memory.data(), std::vector<unsigned char>(bytes, 1).data(), bytes);
        { auto released = std::move(memory); }
        const auto second = backend.allocate(bytes);
        backend.download(content.data(), second.data(), bytes);
        CHECK(all_zero(content));
    }
    CHECK(backend.allocate(0).size() == 0);
}

TEMPLATE_TEST_CASE("download returns what upload was given", "[conformance][memory]", LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    for (const std::size_t count : {0U, 1U, 100'003U}) {
        std::vector<std::uint32_t> sent(count);
        std::iota(sent.begin(), sent.end(), 7U);
        auto memory = backend.allocate((count + 1) * sizeof(std::uint32_t));
        backend.upload(memory.data(), sent.data(), count * sizeof(std::uint32_t));
        std::vector<std::uint32_t> received(count + 1, 5);
        backend.download(received.data(), memory.data(), received.size() * sizeof(std::uint32_t));
        sent.push_back(0);          // the memory after what was uploaded is still zero
        CHECK((received == sent));  // in parentheses: a failure need not print them
    }
}

template <Backend B, class T>
void verify_fill() {
    for (const Size size : sizes) {
        for (const Layout layout : {Layout::dense, Layout::slice}) {
            CAPTURE(size.rows, size.cols);
            verify<B>(Threads::irrelevant, {Expected(Grid(size.rows, size.cols, -1.5))}, [&](B& backend) {
                OnBackend<T, B> out(backend, unset(size.rows, size.cols), layout);
                backend.run(Fill(out.view(), -1.5));
                return Grids{out.read()};
            });
        }
    }
}

TEMPLATE_TEST_CASE("fill gives every element the value and touches nothing else", "[conformance][memory]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_fill<TestType, float>(); }
    SECTION("double") { verify_fill<TestType, double>(); }
    SECTION("bf16") { verify_fill<TestType, bf16>(); }
}

template <Backend B, class Out, class In>
void verify_convert() {
    for (const Size size : sizes) {
        CAPTURE(size.rows, size.cols);
        const Grid in = random_grid<In>(size.rows, size.cols, 11, {-300, 300});
        Expected expected(size.rows, size.cols);
        for (std::size_t i = 0; i < in.values.size(); ++i) {
            expected.value.values[i] = static_cast<double>(stored<Out>(in.values[i]));
            // From double, bf16 may be reached through float: two roundings, of which the first can move a tie.
            const bool through_float = sizeof(In) == 8 && sizeof(Out) == 2;
            expected.bound.values[i] = through_float ? 2 * roundoff<Out> * std::abs(in.values[i]) : 0;
        }
        verify<B>(Threads::irrelevant, {expected}, [&](B& backend) {
            OnBackend<In, B> x(backend, in, Layout::slice);
            OnBackend<Out, B> out(backend, unset(size.rows, size.cols), Layout::slice);
            backend.run(Convert(out.view(), x.input()));
            return Grids{out.read()};
        });
    }
}

TEMPLATE_TEST_CASE("convert rounds each element to the output's type", "[conformance][memory]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float to float") { verify_convert<TestType, float, float>(); }
    SECTION("float to double") { verify_convert<TestType, double, float>(); }
    SECTION("float to bf16") { verify_convert<TestType, bf16, float>(); }
    SECTION("double to float") { verify_convert<TestType, float, double>(); }
    SECTION("double to double") { verify_convert<TestType, double, double>(); }
    SECTION("double to bf16") { verify_convert<TestType, bf16, double>(); }
    SECTION("bf16 to float") { verify_convert<TestType, float, bf16>(); }
    SECTION("bf16 to double") { verify_convert<TestType, double, bf16>(); }
    SECTION("bf16 to bf16") { verify_convert<TestType, bf16, bf16>(); }
}

TEMPLATE_TEST_CASE("convert keeps infinities and NaN and rounds ties to even", "[conformance][memory]",
                   LAMINA_BACKEND_UNDER_TEST) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    TestType backend = UnderTest<TestType>::with_threads(2);
    Grid in(1, 37);  // the special values stand in a vector and in its remainder
    for (std::size_t i = 0; i < in.cols; ++i) {
        in(0, i) = std::array{infinity, -infinity, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-23, -0.0}.at(i % 6);
    }
    OnBackend<float, TestType> x(backend, in);
    OnBackend<bf16, TestType> out(backend, unset(1, 37));
    backend.run(Convert(out.view(), x.input()));
    const Grid rounded = out.read();
    for (std::size_t i = 0; i < in.cols; ++i) {
        CAPTURE(i);
        CHECK(rounded(0, i) == std::array{infinity, -infinity, 1.0, 1 + 0x1p-6, 1 + 0x1p-7, 0.0}.at(i % 6));
        CHECK(std::signbit(rounded(0, i)) == std::signbit(in(0, i)));
    }

    OnBackend<float, TestType> nan(backend, unset(1, 37));
    backend.run(Fill(out.view(), 0.0));
    backend.run(Convert(out.view(), nan.input()));
    const Grid still_nan = out.read();
    CHECK(
        std::all_of(still_nan.values.begin(), still_nan.values.end(), [](double value) { return std::isnan(value); }));
}

}  // namespace lamina_tests::conformance
