// Modules whose published test suites our tests run. Nothing of them is
// built, imported or copied: the tests read their testdata from the module
// cache. Apart from the product's own modules.
module mimamori/scripts/suites

go 1.26.0

require (
	blitiri.com.ar/go/spf v1.6.0
	github.com/nlnwa/whatwg-url v0.6.2
)
