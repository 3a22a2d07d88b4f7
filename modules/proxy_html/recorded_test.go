package proxy_html

// recorded are pages and what libxml2 2.9.14 tells of them, with the options that
// Apache gives it.
var recorded = []struct {
	page []string
	want string
}{
	{[]string{"just text"}, "\nS html\nS body\nS p\nT just text\nE p\nE body\nE html"},
	{[]string{"<p>one<p>two<br>three<li>four"}, "\nS html\nS body\nS p\nT one\nE p\nS p\nT two\nS br\nE br\nT three\nE p\nS li\nT four\nE li\nE body\nE html"},
	{[]string{"<html><body><div><b>bold"}, "\nS html\nS body\nS div\nS b\nT bold\nE b\nE div\nE body\nE html"},
	{[]string{"<b><i>x</b>y</i><div><p>a</div>b</p>"}, "\nS html\nS body\nS b\nS i\nT x\nE i\nE b\nT y\nS div\nS p\nT a\nE p\nE div\nT b\nE body\nE html"},
	{[]string{"<table><td>a<td>b<tr><td>c<th>d</table><table><tbody><tr><td>x<tbody><tr><td>y</table>"}, "\nS html\nS body\nS table\nS td\nT a\nE td\nS td\nT b\nE td\nS tr\nS td\nT c\nE td\nS th\nT d\nE th\nE tr\nE table\nS table\nS tbody\nS tr\nS td\nT x\nE td\nE tr\nE tbody\nS tbody\nS tr\nS td\nT y\nE td\nE tr\nE tbody\nE table\nE body\nE html"},
	{[]string{"<ul><li>a<li>b<ul><li>c</ul></ul><dl><dt>a<dd>b<dt>c</dl><select><option>a<option selected>b</select>"}, "\nS html\nS body\nS ul\nS li\nT a\nE li\nS li\nT b\nS ul\nS li\nT c\nE li\nE ul\nE li\nE ul\nS dl\nS dt\nT a\nE dt\nS dd\nT b\nE dd\nS dt\nT c\nE dt\nE dl\nS select\nS option\nT a\nE option\nS option selected\nT b\nE option\nE select\nE body\nE html"},
	{[]string{"<form action=/a><input name=x disabled><form action=/b></form>"}, "\nS html\nS body\nS form action=/a|\nS input name=x| disabled\nE input\nE form\nS form action=/b|\nE form\nE body\nE html"},
	{[]string{"&amp;&lt;&gt;&quot;&apos;&nbsp;&copy;&eacute;&euro;&bogus;&amp &copy 2 &#65;&#x41;&#128;&#0;&#1234567890; a & b AT&T &"}, "\nS html\nS body\nS p\nT &<>\"' ©é€&bogus;&amp &copy 2 AA\u0080 a & b AT&T &\nE p\nE body\nE html"},
	{[]string{"<p a b=1 c=\"2\" d='3\"4' e=f&g=h E=5 g=\"&lt;&eacute;&amp;x=1&y=2\" 7=8 \"z\" >x</p><img src=a/>"}, "\nS html\nS body\nS p a b=1| c=2| d=3\"4| e=f&g=h| g=<é&x=1&y=2|\nT x\nE p\nS img src=a/|\nE img\nE body\nE html"},
	{[]string{"  \n<html>\n <head>\n <title> x </title>\n </head>\n <body>\n  <p> a </p>\n <pre>\n x\n</pre> </body>\n </html>\n \n"}, "\nS html\nS head\nS title\nT  x \nE title\nE head\nS body\nT \\n  \nS p\nT  a \nE p\nT \\n \nS pre\nT \\n x\\n\nE pre\nT  \nE body\nE html"},
	{[]string{"<html><body>a</body>b<p>c</html>d<!-- e -->"}, "\nS html\nS body\nT a\nE body\nS p\nT b\nE p\nS p\nT c\nE p\nE html"},
	{[]string{"<html><head><title>a</title></head><body>x<html a=b><head><body c=d>y</body></head></html>z</body></html>"}, "\nS html\nS head\nS title\nT a\nE title\nE head\nS body\nT xyz\nE body\nE html"},
	{[]string{"<!-- a --><html><!-- b --><body><!-- c<p> -->x<!--- d ---><!-->e--><!-- f --!>g<!-- unclosed"}, "\nC  a \nS html\nC  b \nS body\nC  c<p> \nT x\nC - d -\nC >e\nC  f \nT g\nE body\nE html"},
	{[]string{"<!x><![CDATA[a<b]]><?php echo 1 ?><p>a < b <3 <=c <>d</ p></><//x><x-y z>w</x-y><1>"}, "\nT <\nS html\nS body\nS p\nT !x><![CDATA[a\nS b\nE b\nE p\nS p\nT a < b <3 <=c <>d p>>/x>\nS x-y z\nT w\nE x-y\nT <1>\nE p\nE body\nE html"},
	{[]string{"<title>t</title><meta name=a content=b><p>x<link rel=y><script>z</script>"}, "\nS html\nS head\nS title\nT t\nE title\nS meta name=a| content=b|\nE meta\nE head\nS body\nS p\nT x\nS link rel=y|\nE link\nS script\nD z\nE script\nE p\nE body\nE html"},
	{[]string{"<html><frameset cols=1><frame src=a><noframes>n</noframes></frameset></html>"}, "\nS html\nS frameset cols=1|\nS frame src=a|\nE frame\nS noframes\nT n\nE noframes\nE frameset\nE html"},
	{[]string{"<a href=x>1<a href=y>2</a><a name=n><table><tr><td><a>z"}, "\nS html\nS body\nS a href=x|\nT 1\nE a\nS a href=y|\nT 2\nE a\nS a name=n|\nE a\nS table\nS tr\nS td\nS a\nT z\nE a\nE td\nE tr\nE table\nE body\nE html"},
	{[]string{"<h1>a<h2>b</h1><p>c<h3>d<p>e</h3>f<hr>g<center>h<font color=red>i<p>j"}, "\nS html\nS body\nS h1\nT a\nS h2\nT b\nE h2\nE h1\nS p\nT c\nE p\nS h3\nT d\nE h3\nS p\nT ef\nE p\nS hr\nE hr\nT g\nS center\nT h\nS font color=red|\nT i\nS p\nT j\nE p\nE font\nE center\nE body\nE html"},
	{[]string{"<!doctype html><main><section><article><header>h</header><video src=v controls></video><svg><path d=\"M0\"/></svg></article></section></main><wbr><source src=x><embed src=y>"}, "\nS html\nS body\nS main\nS section\nS article\nS header\nT h\nE header\nS video src=v| controls\nE video\nS svg\nS path d=M0|\nE path\nE svg\nE article\nE section\nE main\nS wbr\nS source src=x|\nS embed src=y|\nE embed\nE source\nE wbr\nE body\nE html"},
	{[]string{"<HTML><BODY BGCOLOR=RED><DIV ID=Abc>X</DIV></BODY></HTML>"}, "\nS html\nS body bgcolor=RED|\nS div id=Abc|\nT X\nE div\nE body\nE html"},
	{[]string{"<textarea><b>x</b>&lt;</textarea><title><i>y</i></title>"}, "\nS html\nS body\nS textarea\nS b\nT x\nE b\nT <\nE textarea\nS title\nS i\nT y\nE i\nE title\nE body\nE html"},
	{[]string{"<script>if (a<b && \"</p>\" > '</scr') {} // é </SCRIPT ><style><!-- x --></style><script></script>"}, "\nS html\nS head\nS script\nD if (a<b && \"</p>\" > '</scr') {} // é \nE script\nS style\nD <!-- x -->\nE style\nS script\nE script\nE head\nE html"},
	{[]string{"a\x00b\x01c\x7fd\x0be"}, "\nS html\nS body\nS p\nT a bc\x7fde\nE p\nE body\nE html"},
	{[]string{"<p>a", "b</p", "><!-- x", " --><sc", "ript>a</scr", "ipt>"}, "\nS html\nS body\nS p\nT ab\nE p\nC  x \nS script\nD a</script>\nE script\nE body\nE html"},
	{[]string{"<a hre", "f='x>y'>z&am", "p;</a>"}, "\nS html\nS body\nS a href=x>y|\nT z&\nE a\nE body\nE html"},
	{[]string{"    ", "<html>", "</html>", "\n", "<!-- c -->"}, "\nS html\nE html\nC  c "},
	{[]string{"<p>café &eacute"}, "\nS html\nS body\nS p\nT café &eacute\nE p\nE body\nE html"},
}
