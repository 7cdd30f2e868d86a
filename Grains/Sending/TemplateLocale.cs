using System.Globalization;

namespace Orleans.Personalize.Sending;

/// <summary>
/// How a language and region write numbers, money and dates, after the Unicode CLDR (https://cldr.unicode.org). .NET's own cultures are not used: they
/// are as good as the ICU library of the machine, and the images have none, so that the same mail would look different here and there.
/// </summary>
internal sealed class TemplateLocale
{
    private const char NoBreakSpace = '\u00A0';

    /// <summary>Decimals of a currency's minor unit where they are not two (ISO 4217, list one).</summary>
    private static readonly Dictionary<string, int> MinorDigits = Pairs(
        "BIF=0 CLP=0 DJF=0 GNF=0 ISK=0 JPY=0 KMF=0 KRW=0 PYG=0 RWF=0 UGX=0 UYI=0 VND=0 VUV=0 XAF=0 XOF=0 XPF=0 " +
        "BHD=3 IQD=3 JOD=3 KWD=3 LYD=3 OMR=3 TND=3 CLF=4 UYW=4").ToDictionary(static pair => pair.Key, static pair => pair.Value[0] - '0');

    /// <summary>Symbols that are understood anywhere; other currencies show their code.</summary>
    private static readonly Dictionary<string, string> Symbols = Pairs(
        "EUR=€ USD=$ GBP=£ JPY=¥ CNY=CN¥ INR=₹ KRW=₩ BRL=R$ CAD=CA$ AUD=A$ NZD=NZ$ MXN=MX$ HKD=HK$ TWD=NT$ ILS=₪ VND=₫ PHP=₱ UAH=₴");

    private static readonly TemplateLocale[] All =
    [
        English("en", "M/d/yy", "MMM d, yyyy", "MMMM d, yyyy", "dddd, MMMM d, yyyy", "h:mm tt"),
        English("en-GB", "dd/MM/yyyy", "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", "HH:mm"),
        English("en-IE", "dd/MM/yyyy", "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", "HH:mm"),
        English("en-AU", "d/M/yy", "d MMM yyyy", "d MMMM yyyy", "dddd, d MMMM yyyy", "h:mm tt", "AUD=$ USD=US$"),
        English("en-NZ", "d/MM/yy", "d MMM yyyy", "d MMMM yyyy", "dddd, d MMMM yyyy", "h:mm tt", "NZD=$ USD=US$"),
        English("en-CA", "yyyy-MM-dd", "MMM d, yyyy", "MMMM d, yyyy", "dddd, MMMM d, yyyy", "h:mm tt", "CAD=$ USD=US$"),
        German("de", ".", "# ¤", ","),
        German("de-AT", "\u00A0", "¤ #", ","),
        German("de-CH", "’", "¤ #", "."),
        French("fr", "\u202F", "dd/MM/yyyy", "HH:mm"),
        French("fr-CH", "\u202F", "dd.MM.yy", "HH:mm"),
        French("fr-CA", "\u00A0", "yyyy-MM-dd", "HH 'h' mm", "CAD=$ USD=$US"),
        Spanish("es", ",", ".", "# ¤", 5),
        Spanish("es-MX", ".", ",", "¤#", 4, "MXN=$ USD=US$"),
        new("it", ",", ".", "# ¤", "dd/MM/yy", "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", "HH:mm",
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
            "gen feb mar apr mag giu lug ago set ott nov dic",
            "domenica lunedì martedì mercoledì giovedì venerdì sabato", "dom lun mar mer gio ven sab"),
        new("nl", ",", ".", "¤ #", "dd-MM-yyyy", "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", "HH:mm",
            "januari februari maart april mei juni juli augustus september oktober november december",
            "jan feb mrt apr mei jun jul aug sep okt nov dec",
            "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag", "zo ma di wo do vr za"),
        Portuguese("pt-BR", ".", "¤ #", 4, "dd/MM/yyyy", "d 'de' MMM'.' 'de' yyyy", "BRL=R$ USD=US$"),
        Portuguese("pt-PT", "\u00A0", "# ¤", 5, "dd/MM/yy", "dd/MM/yyyy"),
        new("sv", ",", "\u00A0", "# ¤", "yyyy-MM-dd", "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", "HH:mm",
            "januari februari mars april maj juni juli augusti september oktober november december",
            "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.",
            "söndag måndag tisdag onsdag torsdag fredag lördag", "sön mån tis ons tors fre lör", "SEK=kr"),
        new("da", ",", ".", "# ¤", "dd.MM.yyyy", "d. MMM yyyy", "d. MMMM yyyy", "dddd 'den' d. MMMM yyyy", "HH'.'mm",
            "januar februar marts april maj juni juli august september oktober november december",
            "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.",
            "søndag mandag tirsdag onsdag torsdag fredag lørdag", "søn. man. tirs. ons. tors. fre. lør.", "DKK=kr."),
        new("nb", ",", "\u00A0", "# ¤", "dd.MM.yyyy", "d. MMM yyyy", "d. MMMM yyyy", "dddd d. MMMM yyyy", "HH:mm",
            "januar februar mars april mai juni juli august september oktober november desember",
            "jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des.",
            "søndag mandag tirsdag onsdag torsdag fredag lørdag", "søn. man. tir. ons. tor. fre. lør.", "NOK=kr"),
        new("fi", ",", "\u00A0", "# ¤", "d.M.yyyy", "d.M.yyyy", "d. MMMM yyyy", "dddd d. MMMM yyyy", "H'.'mm",
            "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
            "tammik. helmik. maalisk. huhtik. toukok. kesäk. heinäk. elok. syysk. lokak. marrask. jouluk.",
            "sunnuntaina maanantaina tiistaina keskiviikkona torstaina perjantaina lauantaina", "su ma ti ke to pe la"),
        new("pl", ",", "\u00A0", "# ¤", "d.MM.yyyy", "d MMM yyyy", "d MMMM yyyy", "dddd, d MMMM yyyy", "HH:mm",
            "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
            "sty lut mar kwi maj cze lip sie wrz paź lis gru",
            "niedziela poniedziałek wtorek środa czwartek piątek sobota", "niedz. pon. wt. śr. czw. pt. sob.", "PLN=zł", 5),
        new("cs", ",", "\u00A0", "# ¤", "dd.MM.yy", "d. M. yyyy", "d. MMMM yyyy", "dddd d. MMMM yyyy", "H:mm",
            "ledna února března dubna května června července srpna září října listopadu prosince",
            "led úno bře dub kvě čvn čvc srp zář říj lis pro",
            "neděle pondělí úterý středa čtvrtek pátek sobota", "ne po út st čt pá so", "CZK=Kč"),
        new("tr", ",", ".", "¤#", "d.MM.yyyy", "d MMM yyyy", "d MMMM yyyy", "d MMMM yyyy dddd", "HH:mm",
            "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
            "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
            "Pazar Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi", "Paz Pzt Sal Çar Per Cum Cmt", "TRY=₺"),
        new("ja", ".", ",", "¤#", "yyyy/MM/dd", "yyyy/MM/dd", "yyyy年M月d日", "yyyy年M月d日dddd", "H:mm",
            "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月", "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
            "日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日", "日 月 火 水 木 金 土"),
    ];

    /// <summary>By name, and each language also by itself: its first.</summary>
    private static readonly Dictionary<string, TemplateLocale> ByName = All.Concat(All.DistinctBy(static locale => locale.language))
        .Select(static (locale, at) => (Name: at < All.Length ? locale.Name : locale.language, locale))
        .Append(("no", All.First(static locale => locale.Name == "nb")))
        .DistinctBy(static pair => pair.Item1)
        .ToDictionary(static pair => pair.Item1, static pair => pair.Item2, StringComparer.OrdinalIgnoreCase);

    private readonly string language;
    private readonly string money;
    private readonly int groupedDigitsMin;
    private readonly Dictionary<string, string> symbols;
    private readonly NumberFormatInfo numbers;
    private readonly NumberFormatInfo ungrouped;
    private readonly DateTimeFormatInfo dates;
    private readonly Dictionary<string, string> patterns;

    private TemplateLocale(
        string name, string point, string group, string money, string shortDate, string mediumDate, string longDate, string fullDate, string time,
        string months, string monthsShort, string days, string daysShort, string symbols = "", int groupedDigitsMin = 4)
    {
        Name = name;
        language = name.Split('-')[0];
        this.money = money;
        this.groupedDigitsMin = groupedDigitsMin;
        this.symbols = Pairs(symbols);
        numbers = new NumberFormatInfo { NumberDecimalSeparator = point, NumberGroupSeparator = group };
        ungrouped = new NumberFormatInfo { NumberDecimalSeparator = point, NumberGroupSeparator = "" };
        dates = new DateTimeFormatInfo
        {
            MonthNames = [.. months.Split(' '), ""],
            MonthGenitiveNames = [.. months.Split(' '), ""],
            AbbreviatedMonthNames = [.. monthsShort.Split(' '), ""],
            AbbreviatedMonthGenitiveNames = [.. monthsShort.Split(' '), ""],
            DayNames = days.Split(' '),
            AbbreviatedDayNames = daysShort.Split(' '),
        };
        patterns = new()
        {
            ["short"] = shortDate, ["medium"] = mediumDate, ["long"] = longDate, ["full"] = fullDate, ["time"] = time,
            ["datetime"] = $"{mediumDate} {time}",
        };
    }

    public static TemplateLocale Default => ByName["en"];

    public static IEnumerable<string> Names => All.Select(static locale => locale.Name);

    public string Name { get; }

    /// <summary>The locale of a tag such as <c>de-AT</c>, <c>de_AT</c> or <c>de</c>; of an unknown region, its language; null where that is unknown, too.</summary>
    public static TemplateLocale? Find(string tag)
    {
        var name = tag.Length <= 35 ? tag.Replace('_', '-') : "";
        return ByName.GetValueOrDefault(name) ?? ByName.GetValueOrDefault(name.Split('-')[0]);
    }

    /// <param name="value">The number.</param>
    /// <param name="decimals">How many; null: as many as it has, up to three.</param>
    public string Number(decimal value, int? decimals = null)
    {
        var rounded = Math.Round(value, decimals ?? 3, MidpointRounding.AwayFromZero);
        if (decimals is null)
            rounded /= 1.000000000000000000000000000000m;
        var digits = decimals ?? rounded.Scale;
        var isSmall = Math.Abs(decimal.Truncate(rounded)) < (groupedDigitsMin == 5 ? 10_000 : 1_000);
        return rounded.ToString("N" + digits.ToString(CultureInfo.InvariantCulture), isSmall ? ungrouped : numbers);
    }

    /// <param name="amount">In the currency's major unit.</param>
    /// <param name="currency">An ISO 4217 code, in capitals.</param>
    public string Money(decimal amount, string currency)
    {
        var digits = MinorDigits.GetValueOrDefault(currency, 2);
        var symbol = symbols.GetValueOrDefault(currency) ?? Symbols.GetValueOrDefault(currency, currency);
        var number = Number(amount, digits);
        var sign = number.StartsWith('-') ? "-" : "";
        number = number[sign.Length..];
        return money switch
        {
            "# ¤" => $"{sign}{number}{NoBreakSpace}{symbol}",
            "¤ #" => $"{symbol}{NoBreakSpace}{sign}{number}",
            _ when char.IsLetter(symbol[^1]) => $"{sign}{symbol}{NoBreakSpace}{number}",
            _ => $"{sign}{symbol}{number}",
        };
    }

    /// <param name="value">The time, local to its reader.</param>
    /// <param name="format">short, medium, long, full, time, datetime, or a pattern of .NET's such as <c>d MMMM</c>.</param>
    /// <exception cref="FormatException">There is no such format.</exception>
    public string Date(DateTimeOffset value, string format) => value.ToString(patterns.GetValueOrDefault(format, format), dates);

    /// <summary>Which of the forms of a noun goes with a number, after CLDR's plural rules. The last form is for all that have none of their own.</summary>
    public int PluralForm(decimal count, int forms)
    {
        var whole = decimal.IsInteger(count);
        var last = forms - 1;
        var form = language switch
        {
            "ja" => last,
            "fr" => decimal.Truncate(Math.Abs(count)) < 2 ? 0 : last,
            "pt" when Name == "pt-BR" => decimal.Truncate(Math.Abs(count)) < 2 ? 0 : last,
            "pl" or "cs" when whole && Math.Abs(count) == 1 => 0,
            "cs" when forms > 2 => whole && Math.Abs(count) is >= 2 and <= 4 ? 1 : last,
            "pl" when forms > 2 => whole && Math.Abs(count) % 10 is >= 2 and <= 4 && Math.Abs(count) % 100 is not (>= 12 and <= 14) ? 1 : last,
            _ => Math.Abs(count) == 1 ? 0 : last,
        };
        return Math.Min(form, last);
    }

    private static TemplateLocale English(
        string name, string shortDate, string mediumDate, string longDate, string fullDate, string time, string symbols = "") =>
        new(name, ".", ",", "¤#", shortDate, mediumDate, longDate, fullDate, time,
            "January February March April May June July August September October November December",
            "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
            "Sunday Monday Tuesday Wednesday Thursday Friday Saturday", "Sun Mon Tue Wed Thu Fri Sat", symbols);

    private static TemplateLocale German(string name, string group, string money, string point) =>
        new(name, point, group, money, "dd.MM.yy", "dd.MM.yyyy", "d. MMMM yyyy", "dddd, d. MMMM yyyy", "HH:mm",
            $"{(name == "de-AT" ? "Jänner" : "Januar")} Februar März April Mai Juni Juli August September Oktober November Dezember",
            $"{(name == "de-AT" ? "Jän." : "Jan.")} Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
            "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag", "So Mo Di Mi Do Fr Sa");

    private static TemplateLocale French(string name, string group, string shortDate, string time, string symbols = "") =>
        new(name, ",", group, "# ¤", shortDate, "d MMM yyyy", "d MMMM yyyy", "dddd d MMMM yyyy", time,
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
            "dimanche lundi mardi mercredi jeudi vendredi samedi", "dim. lun. mar. mer. jeu. ven. sam.", symbols);

    private static TemplateLocale Spanish(string name, string point, string group, string money, int groupedDigitsMin, string symbols = "") =>
        new(name, point, group, money, "d/M/yy", "d MMM yyyy", "d 'de' MMMM 'de' yyyy", "dddd, d 'de' MMMM 'de' yyyy", "H:mm",
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
            "ene feb mar abr may jun jul ago sept oct nov dic",
            "domingo lunes martes miércoles jueves viernes sábado", "dom lun mar mié jue vie sáb", symbols, groupedDigitsMin);

    private static TemplateLocale Portuguese(
        string name, string group, string money, int groupedDigitsMin, string shortDate, string mediumDate, string symbols = "") =>
        new(name, ",", group, money, shortDate, mediumDate, "d 'de' MMMM 'de' yyyy", "dddd, d 'de' MMMM 'de' yyyy", "HH:mm",
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
            "jan fev mar abr mai jun jul ago set out nov dez",
            "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado", "dom seg ter qua qui sex sáb", symbols, groupedDigitsMin);

    private static Dictionary<string, string> Pairs(string pairs) => pairs
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(static pair => pair.Split('='))
        .ToDictionary(static pair => pair[0], static pair => pair[1]);
}
