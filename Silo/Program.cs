using Orleans.Personalize.Silo;
using Orleans.Personalize.Silo.Demo;

return args switch
{
    ["backtest", .. var options] => await Backtest.RunAsync(options, Console.OpenStandardOutput(), Console.Error),
    ["demo", .. var options] => await DemoHost.RunAsync(options),
    _ => await SiloHost.RunAsync(args),
};
