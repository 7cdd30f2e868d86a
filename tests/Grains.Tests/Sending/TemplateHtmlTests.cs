using Orleans.Personalize.Sending;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class TemplateHtmlTests
{
    private const string Hidden =
        """<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;color:transparent;font-size:1px;line-height:1px;mso-hide:all">""";

    [Fact]
    public void Values_cannot_leave_their_attribute_whatever_its_quotes() => Assert.Equal(
        "<a title=\"&quot;&#x27;&gt;&lt;b&gt;\" alt='&quot;&#x27;&gt;&lt;b&gt;' id=&quot;&#x27;&gt;&lt;b&gt;>&#x3D;&#x60;&amp;</a>",
        Html("<a title=\"{{data.v}}\" alt='{{data.v}}' id={{data.v}}>{{data.w}}</a>", WithData(new { v = "\"'><b>", w = "=`&" })));

    [Theory]
    [InlineData("https://shop.example/?a=1&b=2", "https://shop.example/?a&#x3D;1&amp;b&#x3D;2")]
    [InlineData("mailto:a@example.com", "mailto:a@example.com")]
    [InlineData("/p/javascript:x", "/p/javascript:x")]
    [InlineData("javascript:alert(1)", "#")]
    [InlineData("JavaScript:alert(1)", "#")]
    [InlineData(" \t\njava\nscript\r:alert(1)", "#")]
    [InlineData("\u0001javascript:alert(1)", "#")]
    [InlineData("vbscript:x", "#")]
    [InlineData("data:text/html,<script>alert(1)</script>", "#")]
    [InlineData("data:image/svg+xml,x", "#")]
    public void A_link_that_would_run_a_script_leads_nowhere(string url, string expected)
    {
        var job = WithData(new { url });
        Assert.Equal($"<a class=x href=\"{expected}\">x</a>", Html("<a class=x href=\"{{data.url}}\">x</a>", job));
        Assert.Equal($"<A\nHREF = '{expected}' >x</A>", Html("<A\nHREF = '{{data.url}}' >x</A>", job));
        Assert.Equal($"<!--[if mso]><v:rect href=\"{expected}\"><![endif]-->", Html("<!--[if mso]><v:rect href=\"{{data.url}}\"><![endif]-->", job));
    }

    [Theory]
    [InlineData("<a href=\"&#106;avascript&colon;x\">", "<a href=\"#\">")]
    [InlineData("<a href=javascript:x>", "<a href=#>")]
    [InlineData("<a href='javascript:x'", "<a href='#'")]
    [InlineData("<form action=\"javascript:x\"><img src=\"data:image/png;base64,AA\"><img src=\"data:text/html,x\">", "<form action=\"#\"><img src=\"data:image/png;base64,AA\"><img src=\"#\">")]
    [InlineData("<p title=\"a > b\" href=\"javascript:x\">", "<p title=\"a > b\" href=\"#\">")]
    [InlineData("<a/href=\"javascript:x\">", "<a/href=\"#\">")]
    [InlineData("<style>a[href=\"javascript:x\"]</style>", "<style>a[href=\"javascript:x\"]</style>")]
    [InlineData("<p>1 < 2 javascript:x</p>", "<p>1 < 2 javascript:x</p>")]
    public void Links_are_found_where_a_browser_finds_them(string html, string expected) => Assert.Equal(expected, TemplateHtml.WithoutScripts(html));

    [Theory]
    [InlineData("<p>x</p>", "|<p>x</p>")]
    [InlineData("<!doctype html><html><head><title><body></title></head><body class=\"a>b\" ><p>x</p>", "<!doctype html><html><head><title><body></title></head><body class=\"a>b\" >|<p>x</p>")]
    [InlineData("<!doctype html><html><head></head><p>x</p>", "<!doctype html><html><head></head>|<p>x</p>")]
    [InlineData("<!-- <body> --><BODY>x</BODY>", "<!-- <body> --><BODY>|x</BODY>")]
    [InlineData("", "|")]
    public void A_preheader_is_the_first_thing_in_the_body_and_hidden(string html, string expected)
    {
        var preheader = "Only <today> & \"now\"";
        var element = $"{Hidden}Only &lt;today&gt; &amp; &quot;now&quot;{string.Concat(Enumerable.Repeat("&#847;&zwnj;&nbsp;", 150 - preheader.Length))}</div>";
        Assert.Equal(expected.Replace("|", element, StringComparison.Ordinal), TemplateHtml.WithPreheader(html, preheader));
    }

    [Fact]
    public void A_preheader_is_one_line_is_not_in_the_text_and_may_be_left_out()
    {
        var content = Render(new { preheader = " {{event.name}}\n& more ", html = "<p>x</p>" });
        Assert.Equal(("Product Added & more", "x"), (content.Preheader, content.Text));
        Assert.StartsWith($"{Hidden}Product Added &amp; more&#847;", content.Html, StringComparison.Ordinal);
        Assert.EndsWith("</div><p>x</p>", content.Html, StringComparison.Ordinal);
        Assert.Equal("<p>x</p>", Render(new { preheader = "{{nothing}}", html = "<p>x</p>" }).Html);
        Assert.Contains("longer than 1,000", Assert.Throws<TemplateException>(() => Render(new { preheader = new string('x', 1001), html = "x" })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Hello\n   <b>you</b> &amp; me&nbsp;!", "Hello you & me !")]
    [InlineData("<p>One</p><p>Two<br>lines</p>\n<div>Three</div><div>Four</div>", "One\n\nTwo\nlines\n\nThree\nFour")]
    [InlineData("a<br><br>b<br><br><br>c", "a\n\nb\n\nc")]
    [InlineData("<h1>Big <i>news</i></h1><h2>Small</h2>x", "Big news\n========\n\nSmall\n\nx")]
    [InlineData("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol><li>one<li>two</ol>x", "- a\n- b\n  - c\n\n1. one\n2. two\n\nx")]
    [InlineData("<li>stray</li></ul>x", "- stray\n\nx")]
    [InlineData("See <a href=\"https://shop.example/?a&#x3D;1&amp;b=2\">the <b>shop</b></a>, now", "See the shop (https://shop.example/?a=1&b=2), now")]
    [InlineData("<a href=\"https://a.example\">https://a.example</a> <a href='mailto:a@b.c?subject=x'>a@b.c</a> <a href=\"#top\">up</a> <a>none</a>", "https://a.example a@b.c up none")]
    [InlineData("<a href='https://a.example'><img alt='Our sofa' src=x></a> <a href='https://b.example'><img></a>", "Our sofa (https://a.example) https://b.example")]
    [InlineData("<table><tr><th>Item</th><th>Price</th></tr><tr><td>Mug</td><td>19.90</td></tr></table>", "Item Price\nMug 19.90")]
    [InlineData("<html><head><title>t</title><style>p{}</style></head><body><script>if (a<b) '</p>'</script>x<!-- no --></body>", "x")]
    [InlineData("<div style=\"color:red; DISPLAY : none\">hidden<div>too</div></div>seen<p hidden>no</p><img style='display:none'>!", "seen!")]
    [InlineData("a<hr>b", "a\n\n----------\n\nb")]
    [InlineData("<pre>a\n  b</pre>", "a\nb")]
    [InlineData("1 < 2 > 0 &lt;b&gt; &euro;&#8364;", "1 < 2 > 0 <b> €€")]
    [InlineData("wi\u00ADth\u200Bout", "without")]
    [InlineData("👨‍👩‍👧", "👨‍👩‍👧")]
    [InlineData("a<p", "a")]
    [InlineData("  ", "")]
    public void Text_says_what_html_shows(string html, string expected) => Assert.Equal(expected, HtmlText.Of(html));

    [Theory]
    [InlineData("<")]
    [InlineData("<!--")]
    [InlineData("<a href=\"")]
    [InlineData("<a href=")]
    [InlineData("</")]
    [InlineData("<ul>")]
    [InlineData("<li>")]
    [InlineData("<ul><li>")]
    [InlineData("<script>")]
    [InlineData("<a href='x'>")]
    [InlineData("</a>")]
    [InlineData("<div style='display:none'>")]
    [InlineData("<h1>x</h1>")]
    [InlineData("&#1;&")]
    [InlineData("<!--[if")]
    public void A_megabyte_of_anything_takes_no_more_than_its_length(string piece)
    {
        var html = string.Concat(Enumerable.Repeat(piece, Template.OutputLengthMax / piece.Length));
        Assert.True(HtmlText.Of(html).Length <= Template.OutputLengthMax);
        Assert.True(TemplateHtml.WithoutScripts(html).Length <= html.Length);
        Assert.True(TemplateHtml.WithPreheader(html, "x").Length > html.Length);
    }
}
