package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Limits are the largest GraphQL document that runs, written as
// "depth=12,cost=5000". docs/graphql.md says what each counts.
type Limits struct {
	Bytes      int
	Tokens     int
	Operations int
	Fragments  int
	Depth      int
	Selections int
	Aliases    int
	Directives int
	Mutations  int
	Cost       int
}

// defaultLimits are those of the struct's tag.
func defaultLimits() (l Limits) {
	field, _ := reflect.TypeFor[Config]().FieldByName("Limits")
	_ = l.set(field.Tag.Get("envDefault")) // a test reads it
	return l
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Limits) UnmarshalText(text []byte) error {
	*l = defaultLimits()
	return l.set(string(text))
}

func (l *Limits) set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(one, "=")
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 1 {
			return errors.New("a limit is not more than zero")
		}
		name = strings.TrimSpace(name)
		field := reflect.ValueOf(l).Elem().FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
		if !field.IsValid() {
			return errors.New("there is no such limit")
		}
		field.SetInt(int64(n))
	}
	return nil
}

// String writes all of them as they are read.
func (l Limits) String() string {
	var all []string
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		all = append(all, fmt.Sprintf("%s=%d", strings.ToLower(v.Type().Field(i).Name), v.Field(i).Int()))
	}
	return strings.Join(all, ",")
}
