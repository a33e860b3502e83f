package graphqlhttp

import (
	"mime"
	"strconv"
	"strings"
)

// The media types of answers; the first is what those get who do not say.
const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
)

// preference is how much a client wants a media type.
type preference struct {
	quality  int // of 1000
	specific int // 2 when it is named, 1 for application/*, 0 for */*
	position int
}

func (p preference) over(other preference) bool {
	if p.quality != other.quality {
		return p.quality > other.quality
	}
	if p.specific != other.specific {
		return p.specific > other.specific
	}
	return p.position < other.position
}

// negotiate chooses the media type of the answer by the Accept headers (RFC 9110,
// 12.5.1): of several ranges that a type matches the most specific one counts; of
// two types the one of higher quality, then the one that is named, then the one
// that comes first. Where none is acceptable, the refusal is application/json.
func negotiate(accept []string) (media string, acceptable bool) {
	ranges := splitRanges(accept)
	if len(ranges) == 0 {
		return mediaJSON, true
	}
	media = mediaJSON
	var best preference
	for _, offered := range []string{mediaJSON, mediaResponse} {
		if wanted := preferenceFor(offered, ranges); wanted.quality > 0 && (!acceptable || wanted.over(best)) {
			media, best, acceptable = offered, wanted, true
		}
	}
	return media, acceptable
}

// maxRanges is how many ranges of a client are looked at.
const maxRanges = 50

func splitRanges(accept []string) (ranges []string) {
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			if part = strings.TrimSpace(part); part != "" && len(ranges) < maxRanges {
				ranges = append(ranges, part)
			}
		}
	}
	return ranges
}

// preferenceFor is what the most specific of the ranges says about a media type.
func preferenceFor(media string, ranges []string) (p preference) {
	p.specific = -1
	for position, text := range ranges {
		name, parameters, err := mime.ParseMediaType(text)
		if err != nil || !isUTF8(parameters["charset"]) {
			continue
		}
		specific := -1
		switch name {
		case media:
			specific = 2
		case "application/*":
			specific = 1
		case "*/*":
			specific = 0
		}
		if specific > p.specific {
			p = preference{quality(parameters["q"]), specific, position}
		}
	}
	return p
}

// quality is a q value in thousandths. One that is none counts as not acceptable.
func quality(q string) int {
	if q == "" {
		return 1000
	}
	whole, fraction, _ := strings.Cut(q, ".")
	thousandths, err := strconv.Atoi((fraction + "000")[:3])
	if err != nil || len(fraction) > 3 || whole != "0" && (whole != "1" || thousandths > 0) {
		return 0
	}
	if whole == "1" {
		return 1000
	}
	return thousandths
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
