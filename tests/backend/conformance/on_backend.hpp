// SPDX-License-Identifier: MIT
// OnBackend and verify: data in a backend's memory, and an operation run on it with every number of threads.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include <lamina/backend/contract.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

#include "backend/conformance/grid.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// How the suite makes a backend. A backend that is not made like this specialises it. Where making one is expensive, it
/// has a static function `shared(threads)`, too, a reference to one that is as good as new.
template <class B>
struct UnderTest {
    static constexpr std::array<std::size_t, 3> thread_counts{1, 2, 3};
    static B with_threads(std::size_t threads) { return B({.threads = threads}); }
};

/// The relative error with which B hands probabilities, and gradients of scores, to the product that follows them in
/// attention over T. In compute precision it is 0, and stays 0 unless `UnderTest<B>` has a template of this name that
/// says otherwise: matrix units take their operands in T, which rounds each of them once.
template <Backend B, class T>
[[nodiscard]] constexpr double probability_roundoff() {
    if constexpr (requires { UnderTest<B>::template probability_roundoff<T>; }) {
        return UnderTest<B>::template probability_roundoff<T>;
    } else {
        return 0;
    }
}

/// Scalars that are copied to the backend as they are: token ids, row indices.
template <class T, Backend B>
class Uploaded {
public:
    Uploaded(B& backend, const std::vector<T>& values)
        : count_(values.size()),
          memory_(backend.allocate(values.size() * sizeof(T) + sizeof(T))) {  // never a null pointer
        backend.upload(memory_.data(), values.data(), values.size() * sizeof(T));
    }

    [[nodiscard]] Rows<const T, 1> column() {
        return {static_cast<const T*>(static_cast<const void*>(memory_.data())), count_};
    }

private:
    std::size_t count_;
    typename B::Memory memory_;
};

enum class Layout {
    dense,
    slice  ///< some columns of a wider matrix, starting at an odd one
};

/// A grid in a backend's memory, as T, with NaN all around it: reading what is not part of it shows in the result, and
/// writing there is found by `read`.
template <class T, Backend B>
class OnBackend {
public:
    OnBackend(B& backend, const Grid& grid, Layout layout = Layout::dense)
        : backend_(backend),
          rows_(grid.rows),
          cols_(grid.cols),
          stride_(layout == Layout::dense ? grid.cols : grid.cols + 5),
          first_(layout == Layout::dense ? margin : margin + 3),
          elements_(2 * margin + rows_ * stride_, stored<T>(std::numeric_limits<double>::quiet_NaN())),
          memory_(backend.allocate(elements_.size() * sizeof(T))) {
        for (std::size_t row = 0; row < rows_; ++row) {
            for (std::size_t col = 0; col < cols_; ++col) elements_[index(row, col)] = stored<T>(grid(row, col));
        }
        backend_.upload(memory_.data(), elements_.data(), elements_.size() * sizeof(T));
    }

    [[nodiscard]] T* data() { return static_cast<T*>(static_cast<void*>(memory_.data())) + first_; }
    [[nodiscard]] MatrixView<T> view() { return {data(), rows_, cols_, stride_}; }
    [[nodiscard]] MatrixView<const T> input() { return view(); }
    /// The numbers of the one row that the grid has, one for each token.
    [[nodiscard]] Rows<T, 1> column() {
        LAMINA_EXPECTS(rows_ == 1, "OnBackend: a column is made of one row");
        return {data(), cols_};
    }

    /// What the backend's memory holds now.
    [[nodiscard]] Grid read() {
        backend_.download(elements_.data(), memory_.data(), elements_.size() * sizeof(T));
        Grid grid(rows_, cols_);
        for (std::size_t row = 0; row < rows_; ++row) {
            for (std::size_t col = 0; col < cols_; ++col) {
                T& element = elements_[index(row, col)];
                grid(row, col) = static_cast<double>(element);
                element = stored<T>(std::numeric_limits<double>::quiet_NaN());
            }
        }
        std::size_t elements_written_outside = 0;
        for (const T element : elements_)
            elements_written_outside += std::isnan(static_cast<double>(element)) ? 0U : 1U;
        CHECK(elements_written_outside == 0);
        return grid;
    }

private:
    static constexpr std::size_t margin = 64;  // elements, a multiple of the alignment of every stored type

    [[nodiscard]] std::size_t index(std::size_t row, std::size_t col) const { return first_ + row * stride_ + col; }

    B& backend_;
    std::size_t rows_;
    std::size_t cols_;
    std::size_t stride_;
    std::size_t first_;
    std::vector<T> elements_;
    typename B::Memory memory_;
};

/// Whether the number of threads may change the last bits of a result.
enum class Threads { irrelevant, may_matter };

template <Backend B>
[[nodiscard]] decltype(auto) backend_for(std::size_t threads) {
    if constexpr (requires { UnderTest<B>::shared(threads); }) {
        return UnderTest<B>::shared(threads);
    } else {
        return UnderTest<B>::with_threads(threads);
    }
}

/// Runs `operation` twice on backends of each thread count and checks that its outputs are within the bounds of
/// `expected`, that both runs agree to the bit, and with Threads::irrelevant that all thread counts do.
template <Backend B>
void verify(Threads threads, const std::vector<Expected>& expected, const std::function<Grids(B&)>& operation) {
    Grids with_fewest_threads;
    for (const std::size_t thread_count : UnderTest<B>::thread_counts) {
        auto&& backend = backend_for<B>(thread_count);
        const Grids outputs = operation(backend);
        const Grids again = operation(backend);
        if (with_fewest_threads.empty()) with_fewest_threads = outputs;
        REQUIRE(outputs.size() == expected.size());
        for (std::size_t output = 0; output < outputs.size(); ++output) {
            CAPTURE(thread_count, output);
            CHECK(mismatch(outputs[output], expected[output]) == "");
            CHECK(same_bits(outputs[output], again[output]));
            CHECK((threads == Threads::may_matter || same_bits(outputs[output], with_fewest_threads[output])));
        }
        if constexpr (requires { backend.take_notes(); }) {
            for (const std::string& note : backend.take_notes()) FAIL_CHECK(note);
        }
    }
}

/// Rows and columns.
struct Size {
    std::size_t rows;
    std::size_t cols;
};

/// None, one, a prime, a vector's width and its neighbours, more than a tile; wide and tall enough for several threads.
inline constexpr std::array<Size, 12> sizes{
    {{0, 5}, {5, 0}, {1, 1}, {3, 7}, {2, 8}, {5, 15}, {4, 16}, {7, 17}, {67, 130}, {1, 1031}, {2, 10007}, {131, 257}}};

}  // namespace lamina_tests::conformance
