package help

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/automobilepay/mobilepay/loan"
)

// index finds the topics of a language, in memory.
type index struct {
	bleve   bleve.Index
	mapping *mapping.IndexMappingImpl
	known   map[string]bool // words that are in some topic
	topics  int
}

// How words become what is compared: by their stems, and as they are. Accents are
// taken off before: many people do not type them.
const (
	stems = "stems"
	words = "words"
)

var filters = map[loan.Language][]string{
	loan.English: {en.PossessiveName, lowercase.Name, en.StopName, en.SnowballStemmerName},
	// The light stemmer does not need accents, as the other one does.
	loan.Spanish: {lowercase.Name, es.StopName, es.LightStemmerName},
}

// document is what of a topic is indexed.
type document struct {
	Title    string `json:"title"`
	Keywords string `json:"keywords"`
	Body     string `json:"body"`
	Words    string `json:"words"` // title and keywords, for what is mistyped or not yet typed to its end
}

func newIndex(language loan.Language, topics []*Topic) (*index, error) {
	m := bleve.NewIndexMapping()
	analyzer := func(name string, filters []string) error {
		return m.AddCustomAnalyzer(name, map[string]any{
			"type": custom.Name, "char_filters": []string{asciifolding.Name}, "tokenizer": unicode.Name, "token_filters": filters,
		})
	}
	if err := analyzer(stems, filters[language]); err != nil {
		return nil, err
	}
	if err := analyzer(words, []string{lowercase.Name}); err != nil {
		return nil, err
	}
	topic := bleve.NewDocumentStaticMapping()
	for name, analyzer := range map[string]string{"title": stems, "keywords": stems, "body": stems, "words": words} {
		field := bleve.NewTextFieldMapping()
		field.Analyzer, field.Store, field.IncludeInAll = analyzer, false, false
		topic.AddFieldMappingsAt(name, field)
	}
	m.DefaultMapping = topic
	memory, err := bleve.NewMemOnly(m)
	if err != nil {
		return nil, err
	}
	x := &index{memory, m, map[string]bool{}, len(topics)}
	batch := memory.NewBatch()
	for i, t := range topics {
		for _, word := range x.words(t.Title + " " + t.Keywords + " " + t.BodyText) {
			x.known[word] = true
		}
		if err := batch.Index(strconv.Itoa(i), document{t.Title, t.Keywords, t.BodyText, t.Title + " " + t.Keywords}); err != nil {
			return nil, err
		}
	}
	return x, memory.Batch(batch)
}

// words are the words of a text as they are compared.
func (x *index) words(text string) (list []string) {
	for _, token := range x.mapping.AnalyzerNamed(words).Analyze([]byte(text)) {
		list = append(list, string(token.Term))
	}
	return list
}

// What of a search counts: each word is compared with all there are.
const (
	longestSearch = 100 // characters
	mostWords     = 10
)

// What a hit is worth, by where it is.
const (
	inKeywords = 4
	inTitle    = 3
	inBody     = 1
	unfinished = 1.5
	mistyped   = 3
)

// search gives the numbers of the topics that fit, best first.
func (x *index) search(typed string) ([]int, error) {
	runes := []rune(strings.ToValidUTF8(typed, " "))
	typed = string(runes[:min(len(runes), longestSearch)])
	terms := x.words(typed)
	terms = terms[:min(len(terms), mostWords)]
	if len(terms) == 0 {
		return nil, nil
	}
	scores := map[int]float64{}
	for i, term := range terms {
		last := i == len(terms)-1
		if err := x.add(scores, x.word(term, last)); err != nil {
			return nil, err
		}
		if last {
			break
		}
		if err := x.add(scores, sideBySide(term, terms[i+1])); err != nil {
			return nil, err
		}
	}
	found := slices.SortedFunc(maps.Keys(scores), func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b))
	})
	if len(found) > 0 {
		worst := scores[found[0]] / worstFound
		found = slices.DeleteFunc(found, func(n int) bool { return scores[n] < worst })
	}
	return found[:min(len(found), mostFound)], nil
}

// add gives each topic as much as it fits a part of the search, compared with the one
// that fits it best, and the more of it the fewer topics fit at all.
func (x *index) add(scores map[int]float64, q query.Query) error {
	result, err := x.bleve.Search(bleve.NewSearchRequestOptions(q, x.topics, 0, false))
	if err != nil {
		return err
	}
	rarity := math.Log(1 + float64(x.topics)/float64(len(result.Hits)+1))
	for _, hit := range result.Hits {
		n, err := strconv.Atoi(hit.ID)
		if err != nil {
			return err
		}
		scores[n] += rarity * math.Sqrt(hit.Score/result.MaxScore) // how often a word comes up counts less than that it does
	}
	return nil
}

// word finds a word by its stem, or as a mistyped one; the last one of a search also by
// its beginning.
func (x *index) word(term string, last bool) query.Query {
	var parts []query.Query
	add := func(q query.FieldableQuery, field string, worth float64) {
		q.SetField(field)
		q.(query.BoostableQuery).SetBoost(worth)
		parts = append(parts, q)
	}
	add(bleve.NewMatchQuery(term), "keywords", inKeywords)
	add(bleve.NewMatchQuery(term), "title", inTitle)
	add(bleve.NewMatchQuery(term), "body", inBody)
	if last {
		add(bleve.NewPrefixQuery(term), "words", unfinished)
	}
	if !x.known[term] && len(term) > 3 { // of shorter ones too many others are one letter away
		q := bleve.NewFuzzyQuery(term)
		if len(term) > 5 { // two letters the wrong way round are two mistakes
			q.SetFuzziness(2)
		}
		add(q, "words", mistyped)
	}
	return bleve.NewDisjunctionQuery(parts...)
}

// sideBySide finds two words that stand together in a title or in keywords.
func sideBySide(a, b string) query.Query {
	var parts []query.Query
	for _, field := range []string{"title", "keywords"} {
		q := bleve.NewMatchPhraseQuery(a + " " + b)
		q.SetField(field)
		parts = append(parts, q)
	}
	return bleve.NewDisjunctionQuery(parts...)
}

const (
	mostFound  = 20
	worstFound = 10 // what has less than a tenth of the best is left out
)
