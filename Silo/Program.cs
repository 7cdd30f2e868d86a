using Orleans.Personalize.Silo;
using Orleans.Personalize.Silo.Demo;

return args switch
{
    ["backtest", .. var options] => await Backtest.RunAsync(options, Console.OpenStandardOutput(), Console.Error),
    ["import", .. var options] => await Import.RunAsync(options, Console.Out, Console.Error),
    ["demo", .. var options] => await DemoHost.RunAsync(options),
    ["--help" or "-h" or "help", ..] => Usage(),
    _ => await SiloHost.RunAsync(args),
};

static int Usage()
{
    Console.WriteLine("""
        usage: (nothing)   the real thing, on http://127.0.0.1:5080 unless --urls says otherwise
               demo        sample triggers and shoppers on an empty data directory
               import      a CSV or NDJSON file into a running silo; import --help says more
               backtest    what triggers would have decided about recorded events; backtest --help says more

        Settings: docs/configuration.md
        """);
    return 0;
}
