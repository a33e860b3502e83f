// Package redact keeps secrets and personal data out of the log, whoever wrote
// the line: [Options] gives slog's handlers what they need for that. It is the net
// below the rule that nobody logs such things, not a leave to do so.
//
// A value is hidden for its name (password, token, accountNumber and the like, in
// any spelling and at any depth), or for what it looks like: a session's token, a
// bank account number, an e-mail address, a URL with a password. What looks like
// the ids, amounts and instants that operators need is left.
package redact

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Hidden stands where something was hidden.
const Hidden = "[hidden]"

// Options are those of a handler that hides.
func Options(level slog.Leveler) *slog.HandlerOptions {
	return &slog.HandlerOptions{Level: level, ReplaceAttr: Attr}
}

// Attr hides what an attribute has to hide. groups are the names of those that it
// is in.
func Attr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return a
	}
	for _, group := range groups {
		if isSecret(group) {
			return slog.String(a.Key, Hidden)
		}
	}
	if isSecret(a.Key) {
		return slog.String(a.Key, Hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		text := a.Value.String()
		if clean := named(a.Key, text); clean != text {
			a.Value = slog.StringValue(clean)
		}
	case slog.KindAny, slog.KindLogValuer:
		a.Value = slog.AnyValue(walk(a.Key, reflect.ValueOf(a.Value.Any()), 0))
	case slog.KindGroup: // its members come one by one
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
	}
	return a
}

// named is the text of a value with a name. Under the name of an id, long numbers
// are left.
func named(name, text string) string {
	marked, long := suspicious(text)
	if marked {
		text = cleanMarked(text)
	}
	if long {
		text = cleanWords(text, isID(name))
	}
	return text
}

// String hides what looks like a secret anywhere in a text.
func String(text string) string { return named("", text) }

// Error is the text of an error. Of what a database says only the code is left:
// the rest may hold a row's values.
func Error(err error) string {
	text := err.Error()
	var stated interface {
		error
		SQLState() string
	}
	if errors.As(err, &stated) {
		text = strings.ReplaceAll(text, stated.Error(), "SQLSTATE "+stated.SQLState())
	}
	return String(text)
}

// deepest is how far walk goes into a value.
const deepest = 8

// walk copies a value without what has to be hidden: structs and maps become maps.
func walk(name string, v reflect.Value, depth int) any {
	if !v.IsValid() {
		return nil
	}
	if depth > deepest {
		return Hidden
	}
	if v.CanInterface() {
		if err, ok := v.Interface().(error); ok {
			return Error(err)
		}
		if text, ok := ownText(v.Interface()); ok {
			return named(name, text)
		}
	}
	switch v.Kind() { //nolint:exhaustive // the rest is numbers, and what cannot be shown
	case reflect.String:
		return named(name, v.String())
	case reflect.Pointer, reflect.Interface:
		return walk(name, v.Elem(), depth+1)
	case reflect.Struct:
		return walkStruct(v, depth)
	case reflect.Map:
		members := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			member(members, fmt.Sprint(key), v.MapIndex(key), depth)
		}
		return members
	case reflect.Slice, reflect.Array:
		return walkList(name, v, depth)
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return Hidden
	default:
		if !v.CanInterface() {
			return Hidden
		}
		return v.Interface()
	}
}

// ownText is what a value shows of itself, which may be less than is in it.
func ownText(value any) (string, bool) {
	switch value := value.(type) {
	case slog.LogValuer:
		return value.LogValue().Resolve().String(), true
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return string(text), err == nil
	case fmt.Stringer, fmt.Formatter:
		return fmt.Sprint(value), true
	}
	return "", false
}

func walkStruct(v reflect.Value, depth int) any {
	members := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" || isSecret(field.Name) {
			name = field.Name
		}
		member(members, name, v.Field(i), depth)
	}
	return members
}

func member(members map[string]any, name string, v reflect.Value, depth int) {
	if isSecret(name) {
		members[name] = Hidden
		return
	}
	members[name] = walk(name, v, depth+1)
}

func walkList(name string, v reflect.Value, depth int) any {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return walkBytes(name, v)
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = walk(name, v.Index(i), depth+1)
	}
	return list
}

// walkBytes takes bytes for JSON, or else for text.
func walkBytes(name string, v reflect.Value) any {
	content := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(content), v)
	var object any
	switch err := json.Unmarshal(content, &object); {
	case err == nil:
		return walk(name, reflect.ValueOf(object), deepest/2)
	case utf8.Valid(content):
		return named(name, string(content))
	}
	return fmt.Sprintf("[%d bytes]", len(content))
}
