# Takes a page apart: its blocks of commands into NNN.sh, what they print into NNN.shown, and a line for each into the index: number, place,
# mark (`run`, or as the page has it), and what kind of output is shown (`none`, `text`, `json`).

function refuse(problem) {
  printf "%s:%d: %s\n", page, FNR, problem > "/dev/stderr"
  refused = 1
  exit 1
}

# A fence may stand in a list; its content is then indented as it is.
/^ *(```|~~~)/ {
  fence = $0
  sub(/^ */, "", fence)
  if (open) {
    if (fence ~ /^(```|~~~)$/) {
      open = 0
      if (kind == "command") { after = 1 }
      if (kind != "other") { close(file) }
    }
    next
  }
  open = 1
  indent = index($0, fence) - 1
  info = substr(fence, 4)
  if (info ~ /^(bash|shell|console|zsh)/) { refuse("commands are `sh`") }
  if (info ~ /^sh( |$)/) {
    mark = info
    sub(/^sh */, "", mark)
    if (mark == "") { mark = "run" }
    if (mark !~ /^(run|server|gate|bench|aws)$/) { refuse("a block of commands is `sh`, `sh server`, `sh gate`, `sh bench` or `sh aws`") }
    write_last()
    kind = "command"
    # Numbers go on from page to page.
    while ((getline line < index_file) > 0) { number = substr(line, 1, 3) + 0 }
    close(index_file)
    number = sprintf("%03d", number + 1)
    last = number " " page ":" FNR " " mark
    output = "none"
    file = to "/" number ".sh"
    printf "" > file
  } else if (after && (info == "text" || info == "json")) {
    kind = "output"
    output = info
    file = to "/" number ".shown"
    printf "" > file
  } else {
    kind = "other"
  }
  after = 0
  next
}

open && kind != "other" { print substr($0, indent + 1) > file }

# Only what stands right behind the commands is what they print.
!open && !/^ *$/ { after = 0 }

function write_last() {
  if (last != "") { print last, output >> index_file; close(index_file) }
  last = ""
}

END {
  if (!refused && open) { refuse("a block has no end") }
  write_last()
  exit refused
}
