package bank_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/automobilepay/mobilepay/bank"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "out", "box")
	d := bank.Outbox(folder)
	for range 2 { // the same again changes nothing
		if err := d.Put(t.Context(), "20261118-1500-A.ach", []byte("101")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Put(t.Context(), "20261118-1500-A.ach", []byte("102")); !errors.Is(err, bank.ErrTaken) {
		t.Errorf("another file under the name: %v", err)
	}
	if err := d.Put(t.Context(), "../escaped", []byte("x")); err == nil {
		t.Error("a name leads out of the folder")
	}
	// What a crash left of an earlier attempt is no obstacle, and goes.
	if err := os.WriteFile(filepath.Join(folder, "b.ach.KJ3.part"), []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), "b.ach", []byte("half")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Fatalf("the folder holds %v, %v", entries, err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "20261118-1500-A.ach"))
	info, statErr := os.Stat(filepath.Join(folder, "20261118-1500-A.ach"))
	if err != nil || statErr != nil || string(content) != "101" || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %q with %v", content, info.Mode())
	}
}

func TestInbox(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, content := range map[string]string{"b.ach": "bad", "a.ach": "good", ".part": "half"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := errors.New("refused")
	var taken []string
	take := func(name string, content []byte) error {
		taken = append(taken, name)
		if string(content) == "bad" {
			return refused
		}
		return nil
	}
	if err := bank.Inbox(folder).Each(take); !errors.Is(err, refused) {
		t.Errorf("a file that is refused: %v", err)
	}
	if err := bank.Inbox(folder).Each(take); err != nil {
		t.Errorf("nothing new: %v", err)
	}
	if len(taken) != 2 || taken[0] != "a.ach" || taken[1] != "b.ach" {
		t.Errorf("taken: %v", taken)
	}
	for _, name := range []string{"done/a.ach", "failed/b.ach", ".part"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	if err := bank.Inbox(filepath.Join(folder, "none")).Each(take); err != nil {
		t.Errorf("no folder: %v", err)
	}
}
