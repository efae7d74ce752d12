// expect: lamina: Sequential: the output width of a layer is not the input width of the next; change one of them
#include <lamina/lamina.hpp>
#include <lamina/nn/activation.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
constexpr std::size_t width = 12;
#else
constexpr std::size_t width = 16;
#endif

using Branch = Sequential<Named<"c_fc", Linear<8, 16, P>>, Gelu<width, P>, Named<"c_proj", Linear<16, 8, P>>>;
using Model = Decoder<tiny, P, Residual<PreNorm<Named<"ln", LayerNorm<8, P>>, Named<"branch", Branch>>>>;

#include "compile_fail/use_model.hpp"
