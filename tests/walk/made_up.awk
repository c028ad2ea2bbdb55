# Puts one text in the place of all that stand for each other, and each block into a file of its own: an id becomes its length and the
# number of its first appearance, so that the same id is the same id again; an instant keeps its form. What was given stays as it is.

BEGIN {
  while ((getline line < given_file) > 0) { given = given line "\n" }
}

/^\003/ {
  if (file != "") { close(file) }
  file = to "/" substr($0, 2) "." side
  printf "" > file
  next
}

{
  count = split($0, parts, "\001")
  line = ""
  for (part = 1; part <= count; part++) { line = line (part % 2 ? parts[part] : id(parts[part])) }
  count = split(line, parts, "\002")
  line = ""
  for (part = 1; part <= count; part++) { line = line (part % 2 ? parts[part] : instant(parts[part])) }
  print line > file
}

function id(text) {
  if (index(given, text)) { return text }
  if (!(text in known)) { known[text] = ++ids }
  return "<" length(text) " characters, number " known[text] ">"
}

# To the second: the same instant may come back with another offset or precision.
function instant(text) {
  if (index(given, substr(text, 1, 19))) { return text }
  gsub(/[0-9]/, "0", text)
  return text
}
