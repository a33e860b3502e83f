package ach

import (
	"errors"
	"fmt"
	"strings"

	moov "github.com/moov-io/ach"
	"github.com/moov-io/base"
)

// What can be wrong with a file, as the causes of a [FileError].
var (
	ErrNotACH     = errors.New("this is not an ACH file")
	ErrTruncated  = errors.New("the file ends too early")
	ErrMalformed  = errors.New("the record does not follow the rules")
	ErrWrongCount = errors.New("the count of records is not that of the control record")
	ErrWrongTotal = errors.New("the sum of the amounts is not that of the control record")
	ErrWrongHash  = errors.New("the entry hash is not that of the control record")
)

// FileError says why a file was refused. It never quotes the file.
type FileError struct {
	Line  int    // the record at fault, from 1; zero where it is the file as a whole
	Field string // the field, where one is at fault
	Err   error
}

func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString("ach: ")
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap is the cause.
func (e *FileError) Unwrap() error { return e.Err }

// EntryError says why no file can be made of an entry. ID is the caller's own
// number for it.
type EntryError struct {
	Index   int
	ID      string
	Field   string
	Problem string
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("ach: entry %d (%s): %s: %s", e.Index, e.ID, e.Field, e.Problem)
}

// withoutValues turns the library's error into ours. The library puts the values
// of fields into its messages, account numbers among them; only where it stopped
// and the name of the field are taken over.
func withoutValues(err error) *FileError {
	out := &FileError{Err: ErrMalformed}
	if list, ok := errors.AsType[base.ErrorList](err); ok && len(list) > 0 {
		err = list[0]
	}
	if parse, ok := errors.AsType[*base.ParseError](err); ok {
		out.Line = parse.Line
	}
	if batch, ok := errors.AsType[*moov.BatchError](err); ok {
		out.Field = batch.FieldName
	}
	if field, ok := errors.AsType[*moov.FieldError](err); ok {
		out.Field = field.FieldName
	}
	unequal := false
	if control, ok := errors.AsType[moov.ErrFileCalculatedControlEquality](err); ok {
		out.Field, unequal = control.Field, true
	}
	if _, ok := errors.AsType[moov.ErrBatchCalculatedControlEquality](err); ok {
		unequal = true
	}
	switch {
	case !unequal:
	case out.Field == "EntryHash":
		out.Err = ErrWrongHash
	case strings.HasPrefix(out.Field, "Total"):
		out.Err = ErrWrongTotal
	default:
		out.Err = ErrWrongCount
	}
	return out
}
